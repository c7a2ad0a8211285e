# Changing: takes one object away; what has something in it is refused by the domain controller.
# Values: {"dn": <DN>}
# Result: {"done": true}
Complete-Request 'delete' {
    param($values)
    $delete = New-Object DirectoryServices.Protocols.DeleteRequest ($values.dn)
    $connection = Open-Directory
    [void] $connection.SendRequest($delete)
    [ordered] @{ done = $true }
}
