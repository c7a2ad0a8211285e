# Reading: takes one request, gives one answer. Stands before each of the other scripts; alone it does nothing.
#
# The request is one JSON document in UTF-8 and base64, the parameter Request:
#   {"format": 1, "script": <name>, "from": <characters already had>, "room": <most characters of an answer>, "values": {...}}
# A secret, where a script takes one, is the parameter Secret, in base64 as well. Azure's run command gets the request as a line of its own
# below the parameters, because it hands parameters through a shell; no other line ever differs.
#
# The answer is one line of ASCII between two markers, the second with 0 or 1 after it, because Azure loses a script's exit code:
#   {"format": 1, "script": <name>, "result": {...}}                                                                              0
#   {"format": 1, "script": <name>, "part": {"from": n, "length": n, "hash": <SHA-256 of the whole>, "text": <part of the result>}}  0
#   {"format": 1, "script": <name>, "error": {"code": <LDAP result code or null>, "said": <text>}}                                 1
# A line of more than 3000 characters is deflated (RFC 1951), in base64.
param([string] $Request, [string] $Secret)

$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
Set-StrictMode -Version 2.0
Add-Type -AssemblyName System.DirectoryServices.Protocols

function ConvertFrom-Base64Text([string] $Text) {
    [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($Text))
}

# One line of ASCII, whatever the console's code page is.
function ConvertTo-AsciiJson($Value) {
    $json = ConvertTo-Json -InputObject $Value -Compress -Depth 10
    [regex]::Replace($json, '[^\x20-\x7e]', { param($match) '\u{0:x4}' -f [int] [char] $match.Value })
}

function ConvertTo-Line($Answer) {
    $json = ConvertTo-AsciiJson $Answer
    if ($json.Length -le 3000) { return $json }
    $bytes = [Text.Encoding]::ASCII.GetBytes($json)
    $packed = New-Object IO.MemoryStream
    $deflate = New-Object IO.Compression.DeflateStream ($packed, [IO.Compression.CompressionMode]::Compress)
    $deflate.Write($bytes, 0, $bytes.Length)
    $deflate.Dispose()
    [Convert]::ToBase64String($packed.ToArray())
}

function Write-Line([string] $Line, [int] $Code) {
    [Console]::Out.WriteLine()
    [Console]::Out.WriteLine('GUIDEPOST-BEGIN')
    [Console]::Out.WriteLine($Line)
    [Console]::Out.WriteLine("GUIDEPOST-END $Code")
}

function Get-Sha256([byte[]] $Bytes) {
    $sha = [Security.Cryptography.SHA256]::Create()
    -join ($sha.ComputeHash($Bytes) | ForEach-Object { $_.ToString('x2') })
}

# The whole result if there is room for it, else the part that begins at `from`.
function Write-Result($Asked, $Result) {
    $whole = ConvertTo-Line ([ordered] @{ format = 1; script = $Asked.script; result = $Result })
    # 100 characters are more than the markers.
    if ($whole.Length -le $Asked.room - 100 -and $Asked.from -eq 0) {
        Write-Line $whole 0
        return
    }
    $text = ConvertTo-AsciiJson $Result
    $from = [Math]::Min([int] $Asked.from, $text.Length)
    # In the answer each quote and backslash of the text is written with one more backslash; 400 characters are more than what stands around it.
    $count = [Math]::Min([Math]::Max([int] (($Asked.room - 400) / 2), 1), $text.Length - $from)
    $hash = Get-Sha256 ([Text.Encoding]::ASCII.GetBytes($text))
    $part = [ordered] @{ from = $from; length = $text.Length; hash = $hash; text = $text.Substring($from, $count) }
    Write-Line (ConvertTo-Line ([ordered] @{ format = 1; script = $Asked.script; part = $part })) 0
}

# LDAP's result code and the server's own words, where the trouble came from there.
function Get-Trouble($Record) {
    $code = $null
    $said = $Record.Exception.Message
    $inner = $Record.Exception
    while ($inner) {
        if ($inner -is [DirectoryServices.Protocols.DirectoryOperationException] -and $inner.Response) {
            $code = [int] $inner.Response.ResultCode
            $said = $inner.Response.ErrorMessage
        } elseif ($inner -is [DirectoryServices.Protocols.LdapException]) {
            $code = [int] $inner.ErrorCode
            if ($inner.ServerErrorMessage) { $said = $inner.ServerErrorMessage }
        }
        $inner = $inner.InnerException
    }
    [ordered] @{ code = $code; said = "$said" }
}

# A domain controller by name, or this machine, by the account that runs the script; signed and sealed, never in clear text.
function Open-Directory([string] $Name) {
    if (-not $Name) { $Name = [Net.Dns]::GetHostEntry('').HostName }
    $connection = New-Object DirectoryServices.Protocols.LdapConnection $Name
    $connection.AuthType = [DirectoryServices.Protocols.AuthType]::Kerberos
    $connection.SessionOptions.ProtocolVersion = 3
    $connection.SessionOptions.Signing = $true
    $connection.SessionOptions.Sealing = $true
    $connection.SessionOptions.ReferralChasing = [DirectoryServices.Protocols.ReferralChasingOptions]::None
    $connection.Timeout = [TimeSpan]::FromSeconds(60)
    $connection.Bind()
    $connection
}

# Only the DACL of a descriptor is ever meant.
function New-DaclOnly {
    New-Object DirectoryServices.Protocols.SecurityDescriptorFlagControl ([DirectoryServices.Protocols.SecurityMasks]::Dacl)
}

# A property that may not be there; null then, and not nothing, which JSON would hold as {}.
function Get-Field($Object, [string] $Name) {
    if ($null -eq $Object) { return $null }
    $field = $Object.PSObject.Properties[$Name]
    if (-not $field) { return $null }
    return $field.Value
}

# This machine's clock, in ISO 8601 and UTC.
function Get-Now {
    [DateTime]::UtcNow.ToString('o')
}

# Entra Connect's own commands; their folder is not on every account's module path.
function Import-Connect {
    $folder = 'C:\Program Files\Microsoft Azure AD Sync\Bin\ADSync'
    if (-not (Test-Path -LiteralPath $folder)) { throw 'Entra Connect is not installed on this machine' }
    Import-Module $folder
}

# The name of the connector to the tenant.
function Get-EntraConnector {
    foreach ($connector in Get-ADSyncConnector) {
        if ($connector.Name -clike '* - AAD') { return $connector.Name }
    }
    throw 'Entra Connect has no connector to a tenant yet'
}

# Runs the job with the request's values, and answers.
function Complete-Request([string] $Script, [scriptblock] $Job) {
    try {
        $asked = ConvertFrom-Base64Text $Request | ConvertFrom-Json
        if ($asked.format -ne 1 -or $asked.script -cne $Script) { throw "this is the script $Script, format 1" }
        Write-Result $asked (& $Job $asked.values)
    } catch {
        # Not `exit 1`: Azure may then lose what was printed.
        Write-Line (ConvertTo-Line ([ordered] @{ format = 1; script = $Script; error = (Get-Trouble $_) })) 1
    }
}
