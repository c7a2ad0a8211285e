# Reading: entries below an object, in the server's order; descriptors with their DACL only. Referrals are named, not followed.
# Values: {"base": <DN>, "scope": "base" | "one" | "sub", "filter": <RFC 4515>, "attributes": [<name>], "skip": <entries>, "limit": <entries>}
# Result: {"entries": [{"dn": <DN>, "attributes": {<name>: [<base64>]}}], "more": <whether there are entries beyond the limit>}
Complete-Request 'search' {
    param($values)
    $scopes = @{ base = 'Base'; one = 'OneLevel'; sub = 'Subtree' }
    $scope = [DirectoryServices.Protocols.SearchScope] $scopes[$values.scope]
    $connection = Open-Directory
    $search = New-Object DirectoryServices.Protocols.SearchRequest ($values.base, $values.filter, $scope, [string[]] @($values.attributes))
    $page = New-Object DirectoryServices.Protocols.PageResultRequestControl 500
    if ($values.scope -cne 'base') {
        $domain = New-Object DirectoryServices.Protocols.DomainScopeControl
        $domain.IsCritical = $false
        [void] $search.Controls.Add($page)
        [void] $search.Controls.Add($domain)
    }
    [void] $search.Controls.Add((New-DaclOnly))

    $entries = New-Object Collections.ArrayList
    $seen = 0
    $more = $false
    do {
        $response = $connection.SendRequest($search)
        foreach ($found in $response.Entries) {
            $seen++
            if ($seen -le $values.skip) { continue }
            if ($entries.Count -ge $values.limit) { $more = $true; break }
            $attributes = [ordered] @{}
            foreach ($attribute in $found.Attributes.Values) {
                $texts = New-Object Collections.ArrayList
                foreach ($bytes in $attribute.GetValues([byte[]])) { [void] $texts.Add([Convert]::ToBase64String($bytes)) }
                $attributes[$attribute.Name] = $texts.ToArray()
            }
            [void] $entries.Add([ordered] @{ dn = $found.DistinguishedName; attributes = $attributes })
        }
        $cookie = $response.Controls | Where-Object { $_ -is [DirectoryServices.Protocols.PageResultResponseControl] }
        # Not `$next = if ...`: a statement's output loses its array.
        $next = [byte[]] @()
        if ($cookie) { $next = $cookie.Cookie }
        $page.Cookie = $next
    } while (-not $more -and $next.Length -gt 0)
    [ordered] @{ entries = $entries.ToArray(); more = $more }
}
