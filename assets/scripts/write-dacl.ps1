# Changing: replaces the DACL of one object, if it is still the one that the plan was made for. Owner, group and SACL are not touched.
# Values: {"dn": <DN>, "before": <SHA-256 of the descriptor as read with its DACL only, or null>, "descriptor": <base64>}
# Result: {"written": true} or {"written": false, "found": <SHA-256 of what is there instead>}
Complete-Request 'write-dacl' {
    param($values)
    $connection = Open-Directory
    if ($values.before) {
        $scope = [DirectoryServices.Protocols.SearchScope]::Base
        $look = New-Object DirectoryServices.Protocols.SearchRequest ($values.dn, '(objectClass=*)', $scope, [string[]] @('nTSecurityDescriptor'))
        [void] $look.Controls.Add((New-DaclOnly))
        $there = $connection.SendRequest($look).Entries[0].Attributes['nTSecurityDescriptor']
        $found = Get-Sha256 ($there.GetValues([byte[]])[0])
        if ($found -cne $values.before) { return [ordered] @{ written = $false; found = $found } }
    }
    $change = New-Object DirectoryServices.Protocols.DirectoryAttributeModification
    $change.Name = 'nTSecurityDescriptor'
    $change.Operation = [DirectoryServices.Protocols.DirectoryAttributeOperation]::Replace
    [void] $change.Add([Convert]::FromBase64String($values.descriptor))
    $modify = New-Object DirectoryServices.Protocols.ModifyRequest
    $modify.DistinguishedName = $values.dn
    [void] $modify.Modifications.Add($change)
    [void] $modify.Controls.Add((New-DaclOnly))
    $connection.Timeout = [TimeSpan]::FromSeconds(300)
    [void] $connection.SendRequest($modify)
    [ordered] @{ written = $true }
}
