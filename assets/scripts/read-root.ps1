# Reading: what the domain controller says of itself.
# Values: {}
# Result: {"namingContext": <DN>, "rootDomain": <DN>, "host": <name>, "time": <YYYYMMDDHHMMSS.0Z>, "controls": [<object identifier>]}
Complete-Request 'read-root' {
    param($values)
    $connection = Open-Directory
    $names = [string[]] ('defaultNamingContext', 'rootDomainNamingContext', 'dnsHostName', 'currentTime', 'supportedControl')
    $scope = [DirectoryServices.Protocols.SearchScope]::Base
    $search = New-Object DirectoryServices.Protocols.SearchRequest ($null, '(objectClass=*)', $scope, $names)
    $root = $connection.SendRequest($search).Entries[0].Attributes
    [ordered] @{
        namingContext = $root['defaultNamingContext'].GetValues([string])[0]
        rootDomain = $root['rootDomainNamingContext'].GetValues([string])[0]
        host = $root['dnsHostName'].GetValues([string])[0]
        time = $root['currentTime'].GetValues([string])[0]
        controls = [string[]] $root['supportedControl'].GetValues([string])
    }
}
