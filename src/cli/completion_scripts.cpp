// Three shells, one conversation: the first line says what follows (words, files, folders, `command N`), then one word a line,
// with a description behind a tab.
#include "cli/completion_scripts.h"

namespace muster::cli {

// bash takes words apart at = : @ and the like; the loop puts them together again as they stand on the line.
const std::string_view kBashCompletion =
    R"script(# Completion of muster for bash:  source <(muster completion bash)
_muster() {
  local program=${COMP_WORDS[0]} cur=${COMP_WORDS[COMP_CWORD]} rest=${COMP_LINE:0:COMP_POINT}
  local i word blanks kind description head
  local -a words=()
  COMPREPLY=()
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    blanks=${rest%%[![:space:]]*}
    rest=${rest#"$blanks"}
    [[ ${rest:0:${#word}} == "$word" ]] || word=$rest
    rest=${rest:${#word}}
    if ((i == 0)) || [[ -n $blanks ]]; then words+=("$word"); else words[${#words[@]} - 1]+=$word; fi
    ((i < COMP_CWORD)) || cur=$word
  done
  [[ $cur == [=:@,] ]] && cur=
  head=${words[${#words[@]} - 1]}
  head=${head%"$cur"}
  command -v -- "$program" >/dev/null 2>&1 || program=muster
  {
    read -r kind
    case $kind in
      files) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
      folders) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
      command*)
        if ((${#words[@]} - 2 == ${kind#command })); then
          mapfile -t COMPREPLY < <(compgen -c -- "$cur")
        else
          compopt -o filenames 2>/dev/null
          mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        fi
        ;;
      *)
        while IFS=$'\t' read -r word description; do
          word=${word#"$head"}
          [[ $cur == [\'\"]* ]] || printf -v word %q "$word"
          COMPREPLY+=("$word")
        done
        if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == *[.=] ]]; then compopt -o nospace 2>/dev/null; fi
        ;;
    esac
  } < <("$program" complete bash -- "${words[@]:1}" 2>/dev/null)
}
complete -F _muster muster
)script";

const std::string_view kZshCompletion = R"script(#compdef muster
# Completion of muster for zsh:  source <(muster completion zsh), or as the file _muster in a folder of $fpath
_muster() {
  local -a lines values shown open open_shown typed
  local kind line word
  typed=()
  (( CURRENT > 2 )) && typed=("${(@Q)words[2,CURRENT-1]}")
  lines=("${(@f)$(${words[1]} complete zsh -- "${typed[@]}" "${(Q)PREFIX}" 2>/dev/null)}")
  kind=${lines[1]}
  case $kind in
    files) _files ;;
    folders) _files -/ ;;
    command*)
      shift $(( ${kind#command } + 1 )) words
      (( CURRENT -= ${kind#command } + 1 ))
      _normal
      ;;
    *)
      for line in "${(@)lines[2,-1]}"; do
        [[ -n $line ]] || continue
        word=${line%%$'\t'*}
        if [[ $word == *[.=] ]]; then
          open+=("$word"); open_shown+=("${line/$'\t'/  -- }")
        else
          values+=("$word"); shown+=("${line/$'\t'/  -- }")
        fi
      done
      compadd -l -d shown -a values
      compadd -l -S '' -d open_shown -a open
      ;;
  esac
}
if [[ ${funcstack[1]} == _muster ]]; then _muster "$@"; else compdef _muster muster; fi
)script";

const std::string_view kFishCompletion =
    R"script(# Completion of muster for fish:  muster completion fish | source
function __muster_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program $words[1]
    set -e words[1]
    set -l lines (command $program complete fish -- $words "$current" 2>/dev/null)
    switch "$lines[1]"
        case files
            __fish_complete_path "$current"
        case folders
            __fish_complete_directories "$current"
        case 'command *'
            set -l from (math (string replace 'command ' '' -- $lines[1]) + 1)
            set -l line (string escape -- $words[$from..-1]) "$current"
            complete -C (string join ' ' -- $line)
        case '*'
            set -e lines[1]
            printf '%s\n' $lines
    end
end
complete -c muster -f -a '(__muster_complete)'
)script";

}  // namespace muster::cli
