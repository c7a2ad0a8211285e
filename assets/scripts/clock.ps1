# Reading: this machine's clock, and a domain controller's at the same moment.
# Values: {}
# Result: {"before": <this machine's clock>, "host": <the domain controller>, "domain": <its clock, YYYYMMDDHHMMSS.0Z>, "after": <this machine's clock>}
Complete-Request 'clock' {
    param($values)
    $domain = [Net.NetworkInformation.IPGlobalProperties]::GetIPGlobalProperties().DomainName
    if (-not $domain) { throw 'this machine is in no domain' }
    $connection = Open-Directory $domain
    $scope = [DirectoryServices.Protocols.SearchScope]::Base
    $search = New-Object DirectoryServices.Protocols.SearchRequest ($null, '(objectClass=*)', $scope, [string[]] ('currentTime', 'dnsHostName'))
    # The connection is open by now: what lies between is one question.
    $before = Get-Now
    $root = $connection.SendRequest($search).Entries[0].Attributes
    $after = Get-Now
    [ordered] @{
        before = $before
        host = $root['dnsHostName'].GetValues([string])[0]
        domain = $root['currentTime'].GetValues([string])[0]
        after = $after
    }
}
