# Reading: waits for a password on its way into the domain: events of PasswordResetService since a mark, and pwdLastSet of one user.
# Values: {"since": <ISO 8601, UTC, by this machine's clock; null for now>, "dn": <the user>, "before": <pwdLastSet as read before, or null>,
#   "seconds": <how long to wait, at most 120; 0 looks once>}
# Result: {"time": <this machine's clock when it began>, "domain": <the domain's clock then, YYYYMMDDHHMMSS.0Z, or null>,
#   "set": <pwdLastSet at the end, as the domain writes it, or null>, "changed": <whenChanged of the user at the end, or null>,
#   "moved": <this machine's clock when another pwdLastSet than "before" was first seen, or null>, "why": <why the domain could not be read, or null>,
#   "known": <whether this machine knows PasswordResetService>, "ended": <whether an event came that ends a trip>,
#   "until": <this machine's clock at the end>, "events": [{"record": n, "provider": <name>, "id": n, "level": n, "time": <ISO 8601, UTC>, "text": <at most 200 characters>}, oldest first, at most 20:
#   an answer in parts would mean to wait anew]}
Complete-Request 'watch' {
    param($values)
    # Before anything is read, so that nothing lies between this mark and what a later watch sees.
    $time = Get-Now
    $since = $time
    if ($values.since) { $since = [string] $values.since }
    $since = [DateTime]::Parse($since, [Globalization.CultureInfo]::InvariantCulture, [Globalization.DateTimeStyles]::AdjustToUniversal)
    $asked = @{ LogName = 'Application'; ProviderName = 'PasswordResetService'; StartTime = $since.ToLocalTime() }
    $until = [DateTime]::UtcNow.AddSeconds([Math]::Min([int] $values.seconds, 120))
    $scope = [DirectoryServices.Protocols.SearchScope]::Base
    $user = New-Object DirectoryServices.Protocols.SearchRequest ([string] $values.dn, '(objectClass=*)', $scope, [string[]] ('pwdLastSet', 'whenChanged'))
    $clock = New-Object DirectoryServices.Protocols.SearchRequest ($null, '(objectClass=*)', $scope, [string[]] ('currentTime'))
    $connection = $null
    $domain = $null
    $set = $null
    $changed = $null
    $moved = $null
    $why = $null
    try {
        $name = [Net.NetworkInformation.IPGlobalProperties]::GetIPGlobalProperties().DomainName
        if (-not $name) { throw 'this machine is in no domain' }
        $connection = Open-Directory $name
        $domain = $connection.SendRequest($clock).Entries[0].Attributes['currentTime'].GetValues([string])[0]
    } catch {
        # The events alone are worth waiting for.
        $connection = $null
        $why = (Get-Trouble $_).said
    }
    $known = $true
    $ended = $false
    while ($true) {
        # An event that ends a trip may come just before the one that says why: one more look after it.
        $last = $ended -or [DateTime]::UtcNow -ge $until
        if ($connection) {
            try {
                $found = $connection.SendRequest($user).Entries[0].Attributes
                if ($found['pwdLastSet']) { $set = $found['pwdLastSet'].GetValues([string])[0] }
                if ($found['whenChanged']) { $changed = $found['whenChanged'].GetValues([string])[0] }
                if (-not $moved -and $null -ne $values.before -and $set -cne [string] $values.before) { $moved = Get-Now }
            } catch {
                $connection = $null
                $why = (Get-Trouble $_).said
            }
        }
        $events = @()
        try {
            $events = @(Get-WinEvent -FilterHashtable $asked -MaxEvents 20)
        } catch {
            # No event is an error to this command, and so is a provider that never wrote.
            if ($_.FullyQualifiedErrorId -like 'NoMatchingProvidersFound*') { $known = $false }
            elseif ($_.FullyQualifiedErrorId -notlike 'NoMatchingEventsFound*') { throw }
        }
        $good = @($events | Where-Object { 31002, 31007, 31010 -contains $_.Id }).Count -gt 0
        $bad = @($events | Where-Object { 31003, 31008, 31011 -contains $_.Id }).Count -gt 0
        # Another domain controller may have been written: then this one shows it a little later.
        $ended = $bad -or ($good -and ($moved -or -not $connection))
        if ($last) { break }
        Start-Sleep -Seconds 1
    }
    $told = New-Object Collections.ArrayList
    foreach ($one in ($events | Sort-Object -Property RecordId)) {
        $text = "$($one.Message)"
        if ($text.Length -gt 200) { $text = $text.Substring(0, 200) }
        $at = $one.TimeCreated.ToUniversalTime().ToString('o')
        [void] $told.Add([ordered] @{ record = $one.RecordId; provider = 'PasswordResetService'; id = $one.Id; level = [int] $one.Level; time = $at; text = $text })
    }
    [ordered] @{
        time = $time; domain = $domain; set = $set; changed = $changed; moved = $moved; why = $why; known = $known; ended = ($good -or $bad)
        until = (Get-Now); events = $told.ToArray()
    }
}
