# Changing: gives attributes of one object other values, all or none, if they have the ones that were read. Permissions and passwords are not for it.
# Values: {"dn": <DN>, "swaps": [{"attribute": <name>, "from": <text or null>, "to": <text or null>}]}; null is no value
# Result: {"done": true}
Complete-Request 'modify' {
    param($values)
    $modify = New-Object DirectoryServices.Protocols.ModifyRequest
    $modify.DistinguishedName = $values.dn
    foreach ($swap in $values.swaps) {
        if ($swap.attribute -in @('nTSecurityDescriptor', 'unicodePwd', 'userPassword')) { throw 'this attribute is not written as text' }
        # The old value is deleted by name and the new one added, in one request: whoever was quicker is noticed.
        foreach ($part in @(@('Delete', $swap.from), @('Add', $swap.to))) {
            if ($null -eq $part[1]) { continue }
            $change = New-Object DirectoryServices.Protocols.DirectoryAttributeModification
            $change.Name = $swap.attribute
            $change.Operation = [DirectoryServices.Protocols.DirectoryAttributeOperation] $part[0]
            [void] $change.Add([string] $part[1])
            [void] $modify.Modifications.Add($change)
        }
    }
    $connection = Open-Directory
    [void] $connection.SendRequest($modify)
    [ordered] @{ done = $true }
}
