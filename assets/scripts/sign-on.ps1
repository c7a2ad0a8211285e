# Reading: whether a name and password are accepted right now. A wrong password counts towards a lockout.
# Values: {"name": <user@domain, DOMAIN\user or DN>}; the password is the secret.
# Result: {"accepted": true} or {"accepted": false, "said": <the server's words>}
Complete-Request 'sign-on' {
    param($values)
    $password = ConvertFrom-Base64Text $Secret
    # An empty password is an anonymous sign-in, which is always accepted.
    if (-not $password) { throw 'the password is empty' }
    $name = [Net.Dns]::GetHostEntry('').HostName
    $place = New-Object DirectoryServices.Protocols.LdapDirectoryIdentifier ($name, 636)
    $connection = New-Object DirectoryServices.Protocols.LdapConnection $place
    $connection.AuthType = [DirectoryServices.Protocols.AuthType]::Basic
    $connection.Credential = New-Object Net.NetworkCredential ($values.name, $password)
    $connection.SessionOptions.ProtocolVersion = 3
    $connection.SessionOptions.SecureSocketLayer = $true
    $connection.Timeout = [TimeSpan]::FromSeconds(20)
    try {
        $connection.Bind()
        [ordered] @{ accepted = $true }
    } catch {
        # 49 is a refused sign-in; anything else means that it could not be tried.
        $trouble = Get-Trouble $_
        if ($trouble.code -ne 49) { throw }
        [ordered] @{ accepted = $false; said = $trouble.said }
    } finally {
        $connection.Dispose()
    }
}
