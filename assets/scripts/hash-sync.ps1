# Reading: whether password hash synchronisation is on, for each connector to a domain.
# Values: {}
# Result: {"time": <this machine's clock>, "answered": <whether the command is there>, "sources": [{"connector": <name>, "enabled": <bool or null>}]}
Complete-Request 'hash-sync' {
    param($values)
    Import-Connect
    $sources = New-Object Collections.ArrayList
    $answered = [bool] (Get-Command 'Get-ADSyncAADPasswordSyncConfiguration' -ErrorAction SilentlyContinue)
    foreach ($connector in Get-ADSyncConnector) {
        if ($connector.Name -clike '* - AAD') { continue }
        $enabled = $null
        if ($answered) { $enabled = Get-Field (Get-ADSyncAADPasswordSyncConfiguration -SourceConnector $connector.Name) 'Enabled' }
        [void] $sources.Add([ordered] @{ connector = "$($connector.Name)"; enabled = $enabled })
    }
    [ordered] @{ time = (Get-Now); answered = $answered; sources = $sources.ToArray() }
}
