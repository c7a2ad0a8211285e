# Reading: takes one request, gives one answer. Stands before each of the other scripts; alone it does nothing.
#
# The request is one JSON document in UTF-8 and base64, as the parameter Request or as the first line of standard input:
#   {"format": 1, "script": <name>, "from": <characters already had>, "room": <most characters of an answer>, "values": {...}}
# A secret, where a script takes one, is the parameter Secret or the second line of standard input, in base64 as well. No value is ever
# part of the script's text.
#
# The answer is one line of JSON in ASCII between two markers:
#   {"format": 1, "script": <name>, "result": {...}}
#   {"format": 1, "script": <name>, "error": {"code": <LDAP result code or null>, "said": <text>}}
#   {"format": 1, "script": <name>, "part": {"from": n, "length": n, "hash": <SHA-256 of the whole>, "text": <characters of the result>}}
param([string] $Request, [string] $Secret)

$ErrorActionPreference = 'Stop'
Set-StrictMode -Version 2.0
Add-Type -AssemblyName System.DirectoryServices.Protocols

if (-not $Request) {
    $Request = [Console]::In.ReadLine()
    $Secret = [Console]::In.ReadLine()
}

function ConvertFrom-Base64Text([string] $Text) {
    [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($Text))
}

# One line of ASCII, whatever the console's code page is.
function ConvertTo-AsciiJson($Value) {
    $json = ConvertTo-Json -InputObject $Value -Compress -Depth 10
    [regex]::Replace($json, '[^\x20-\x7e]', { param($match) '\u{0:x4}' -f [int] [char] $match.Value })
}

function Write-Answer($Answer) {
    [Console]::Out.WriteLine('GUIDEPOST-BEGIN')
    [Console]::Out.WriteLine((ConvertTo-AsciiJson $Answer))
    [Console]::Out.WriteLine('GUIDEPOST-END')
}

function Get-Sha256([byte[]] $Bytes) {
    $sha = [Security.Cryptography.SHA256]::Create()
    -join ($sha.ComputeHash($Bytes) | ForEach-Object { $_.ToString('x2') })
}

# The whole result if there is room for it, else the part that begins at `from`.
function Write-Result($Asked, $Result) {
    $text = ConvertTo-AsciiJson $Result
    # 400 characters are more than what stands around it.
    if ($text.Length -le $Asked.room - 400 -and $Asked.from -eq 0) {
        Write-Answer ([ordered] @{ format = 1; script = $Asked.script; result = $Result })
        return
    }
    $from = [Math]::Min([int] $Asked.from, $text.Length)
    # In the answer each quote and backslash of the text is written with one more backslash.
    $count = [Math]::Min([Math]::Max([int] (($Asked.room - 400) / 2), 1), $text.Length - $from)
    $hash = Get-Sha256 ([Text.Encoding]::ASCII.GetBytes($text))
    $part = [ordered] @{ from = $from; length = $text.Length; hash = $hash; text = $text.Substring($from, $count) }
    Write-Answer ([ordered] @{ format = 1; script = $Asked.script; part = $part })
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

# This domain controller, by the account that runs the script; signed and sealed, never in clear text.
function Open-Directory {
    $name = [Net.Dns]::GetHostEntry('').HostName
    $connection = New-Object DirectoryServices.Protocols.LdapConnection $name
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

# Runs the job with the request's values, and answers.
function Complete-Request([string] $Script, [scriptblock] $Job) {
    try {
        $asked = ConvertFrom-Base64Text $Request | ConvertFrom-Json
        if ($asked.format -ne 1 -or $asked.script -cne $Script) { throw "this is the script $Script, format 1" }
        Write-Result $asked (& $Job $asked.values)
    } catch {
        Write-Answer ([ordered] @{ format = 1; script = $Script; error = (Get-Trouble $_) })
    }
}
