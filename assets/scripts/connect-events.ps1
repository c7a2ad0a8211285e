# Reading: events of password writeback and of Entra Connect in the Application log, newest first.
# Of the heartbeat 31019, which comes every five minutes, only the newest is told.
# Values: {"since": <ISO 8601, UTC, or null>, "within": <seconds before this machine's now, or null>, "limit": <events of each provider>}
# Result: {"time": <this machine's clock>, "oldest": <when the log begins, or null>, "absent": [<provider that this machine does not know>],
#   "more": <whether there are events beyond the limit>, "events": [{"record": n, "provider": <name>, "id": n, "level": n, "time": <ISO 8601, UTC>, "text": <at most 400 characters>}]}
Complete-Request 'connect-events' {
    param($values)
    if ($values.since) {
        $since = [DateTime]::Parse([string] $values.since, [Globalization.CultureInfo]::InvariantCulture, [Globalization.DateTimeStyles]::AdjustToUniversal)
    } else {
        $since = [DateTime]::UtcNow.AddSeconds(-[int] $values.within)
    }
    $events = New-Object Collections.ArrayList
    $absent = New-Object Collections.ArrayList
    $more = $false
    foreach ($provider in 'PasswordResetService', 'ADSync') {
        $asked = @{ LogName = 'Application'; ProviderName = $provider; StartTime = $since.ToLocalTime() }
        $all = @()
        try {
            $all = @(Get-WinEvent -FilterHashtable $asked -MaxEvents 2000)
        } catch {
            # No event is an error to this command, and so is a provider that never wrote.
            if ($_.FullyQualifiedErrorId -like 'NoMatchingProvidersFound*') { [void] $absent.Add($provider) }
            elseif ($_.FullyQualifiedErrorId -notlike 'NoMatchingEventsFound*') { throw }
        }
        $beats = @($all | Where-Object { $_.Id -eq 31019 } | Select-Object -Skip 1 | ForEach-Object { $_.RecordId })
        $found = @($all | Where-Object { $beats -notcontains $_.RecordId })
        if ($all.Count -ge 2000 -or $found.Count -gt $values.limit) { $more = $true }
        foreach ($one in ($found | Select-Object -First $values.limit)) {
            $text = "$($one.Message)"
            if ($text.Length -gt 400) { $text = $text.Substring(0, 400) }
            $time = $one.TimeCreated.ToUniversalTime().ToString('o')
            [void] $events.Add([ordered] @{
                record = $one.RecordId; provider = $provider; id = $one.Id; level = [int] $one.Level; time = $time; text = $text
            })
        }
    }
    $oldest = $null
    $first = @(Get-WinEvent -LogName 'Application' -Oldest -MaxEvents 1 -ErrorAction SilentlyContinue)
    if ($first.Count -gt 0) { $oldest = $first[0].TimeCreated.ToUniversalTime().ToString('o') }
    $sorted = @($events | Sort-Object -Property @{ Expression = { $_['time'] }; Descending = $true })
    [ordered] @{ time = (Get-Now); oldest = $oldest; absent = $absent.ToArray(); more = $more; events = $sorted }
}
