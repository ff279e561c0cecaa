export const SHELLS = ['bash', 'zsh', 'fish', 'powershell'] as const;
export type Shell = (typeof SHELLS)[number];

// Each script hands the words so far to `dsops __complete` and offers the lines that come back, so that it never goes
// stale: what can be completed is known by the command itself.
const SCRIPTS: Record<Shell, string> = {
  bash: `_dsops() {
  local IFS=$'\\n'
  COMPREPLY=($(dsops __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _dsops dsops
`,
  zsh: `#compdef dsops
_dsops() {
  local -a candidates
  candidates=("\${(@f)$(dsops __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  [[ -n "\${candidates[1]}" ]] && compadd -a candidates
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
compdef _dsops dsops
`,
  fish: `function __dsops_complete
  set -l words (commandline -opc)[2..-1] (commandline -ct)
  dsops __complete -- $words 2>/dev/null
end
complete -c dsops -f -a '(__dsops_complete)'
`,
  powershell: `Register-ArgumentCompleter -Native -CommandName dsops -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $words = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.ToString() })
  if ($wordToComplete -eq '') { $words += '""' }
  dsops __complete -- @words 2>$null | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
  }
}
`,
};

export const completionScript = (shell: Shell): string => SCRIPTS[shell];
