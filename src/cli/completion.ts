/** `marketeam completion <shell>`: the script that lets a shell ask `marketeam complete` what may stand at the cursor. */

import type { Command } from "commander";
import { EXIT } from "../domain/exit.ts";
import { suggest } from "../domain/problem.ts";
import { wordsAt } from "./completion-words.ts";
import { UsageError } from "./errors.ts";
import { oneLine, print } from "./output.ts";

// The first line of an answer says what it is: `words` (value, tab, what it is), `files` or `dirs` (the shell knows its own).
const BASH = `# Completion of marketeam for bash: source <(marketeam completion bash)
_marketeam() {
  local IFS=$'\\n' kind value lines
  local current="\${COMP_WORDS[COMP_CWORD]}"
  mapfile -t lines < <(marketeam complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  kind="\${lines[0]}"
  COMPREPLY=()
  case "$kind" in
    files) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$current")) ;;
    dirs) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$current")) ;;
    words)
      for value in "\${lines[@]:1}"; do
        value="\${value%%$'\\t'*}"
        case "$current" in
          [\\"\\']*) COMPREPLY+=("$value") ;;
          *) printf -v value %q "$value"; COMPREPLY+=("$value") ;;
        esac
      done ;;
  esac
}
complete -F _marketeam marketeam
`;

const ZSH = `#compdef marketeam
# Completion of marketeam for zsh: source <(marketeam completion zsh), after compinit; or as _marketeam in a folder of $fpath
_marketeam() {
  local -a lines entries
  local line
  lines=("\${(@f)$(marketeam complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  case "\${lines[1]}" in
    files) _files ;;
    dirs) _files -/ ;;
    words)
      for line in "\${(@)lines[2,-1]}"; do
        entries+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
      done
      _describe -V marketeam entries ;;
  esac
}
if [ "\${funcstack[1]}" = "_marketeam" ]; then _marketeam "$@"; else compdef _marketeam marketeam; fi
`;

const FISH = `# Completion of marketeam for fish: marketeam completion fish > ~/.config/fish/completions/marketeam.fish
function __marketeam_complete
    set -l current (commandline -ct | string unescape)
    test -n "$current"; or set current ""
    set -l before (commandline -opc)
    set -l lines (marketeam complete -- $before[2..-1] $current 2>/dev/null)
    switch "$lines[1]"
        case files
            __fish_complete_path $current
        case dirs
            __fish_complete_directories $current
        case words
            string join \\n -- $lines[2..-1]
    end
end
complete -c marketeam -f -k -a '(__marketeam_complete)'
`;

const SCRIPTS = { bash: BASH, zsh: ZSH, fish: FISH } as const;
const SHELLS = Object.keys(SCRIPTS) as (keyof typeof SCRIPTS)[];

/** Prints the script of a shell. Throws UsageError for a shell that is not known. */
export async function completion(typed: string): Promise<number> {
  const shell = SHELLS.find((name) => name === typed);
  if (shell === undefined) throw new UsageError(`there is no completion for "${oneLine(typed, 40)}"`, suggest(typed, SHELLS));
  print(SCRIPTS[shell]);
  return EXIT.done;
}

/** Answers a shell that has typed so far: the words behind the program's name, the last one up to the cursor. Never fails. */
export async function complete(program: Command, typed: readonly string[]): Promise<number> {
  const answer = await wordsAt(program, typed).catch(() => ({ kind: "words" as const, words: [] }));
  const lines = answer.words.map(([value, means]) => `${value}\t${oneLine(means, 70)}`);
  print([answer.kind, ...lines].join("\n"));
  return EXIT.done;
}
