# Reading: the connectors of Entra Connect, and the accounts by which it works in the domain.
# Values: {}
# Result: {"time": <this machine's clock>, "connectors": [{"name": <text>, "id": <GUID>}],
#   "accounts": [{"connector": <text or null>, "name": <text or null>, "domain": <text or null>}] or null, "why": <why there are no accounts, or null>}
Complete-Request 'connectors' {
    param($values)
    Import-Connect
    $connectors = New-Object Collections.ArrayList
    foreach ($connector in Get-ADSyncConnector) {
        [void] $connectors.Add([ordered] @{ name = "$($connector.Name)"; id = "$($connector.Identifier)" })
    }
    $accounts = $null
    $why = $null
    try {
        # Needs the AD tools of RSAT.
        Import-Module 'C:\Program Files\Microsoft Azure Active Directory Connect\AdSyncConfig\AdSyncConfig.psm1'
        $found = New-Object Collections.ArrayList
        foreach ($account in Get-ADSyncADConnectorAccount) {
            [void] $found.Add([ordered] @{
                connector = (Get-Field $account 'ADConnectorName')
                name = (Get-Field $account 'ADConnectorAccountName')
                domain = (Get-Field $account 'ADConnectorAccountDomain')
            })
        }
        $accounts = $found.ToArray()
    } catch {
        $why = $_.Exception.Message
    }
    [ordered] @{ time = (Get-Now); connectors = $connectors.ToArray(); accounts = $accounts; why = $why }
}
