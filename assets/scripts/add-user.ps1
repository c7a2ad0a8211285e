# Changing: makes one user, with its first password where it has one. Nothing is made where an object of its name is there already.
# Values: {"dn": <DN>, "attributes": {<name>: <text>}, "password": true | false}; the password is the secret.
# Result: {"done": true}
Complete-Request 'add-user' {
    param($values)
    $add = New-Object DirectoryServices.Protocols.AddRequest ($values.dn, 'user')
    foreach ($field in $values.attributes.PSObject.Properties) {
        $attribute = New-Object DirectoryServices.Protocols.DirectoryAttribute ($field.Name, [string] $field.Value)
        [void] $add.Attributes.Add($attribute)
    }
    if ($values.password) {
        $password = ConvertFrom-Base64Text $Secret
        if (-not $password) { throw 'the password is empty' }
        # unicodePwd is the quoted text in UTF-16LE; the connection is sealed.
        $bytes = [Text.Encoding]::Unicode.GetBytes('"' + $password + '"')
        $attribute = New-Object DirectoryServices.Protocols.DirectoryAttribute
        $attribute.Name = 'unicodePwd'
        [void] $attribute.Add($bytes)
        [void] $add.Attributes.Add($attribute)
    }
    $connection = Open-Directory
    [void] $connection.SendRequest($add)
    [ordered] @{ done = $true }
}
