/* cli/command/scripts.c -- what makes a shell complete kubectl-lp: each asks `kubectl-lp
 * __complete`, whose last line is a directive (cobra's: kubectl reads it too). No state. */
#include "cli/command/command.h"

#include <string.h>

/* Words up to the cursor are ours; bash itself would break them at '=' and ':'. */
static const char bash[] =
    "_kubectl_lp()\n"
    "{\n"
    "    local words=(\"${COMP_WORDS[@]:1:COMP_CWORD}\") cur=${COMP_WORDS[COMP_CWORD]} line\n"
    "    COMPREPLY=()\n"
    "    while IFS= read -r line; do\n"
    "        case $line in\n"
    "        :4) ;;\n"
    "        :0) mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "            compopt -o filenames ;;\n"
    "        *) COMPREPLY+=(\"${line%%$'\\t'*}\") ;;\n"
    "        esac\n"
    "    done < <(kubectl-lp __complete \"${words[@]}\" 2>/dev/null)\n"
    "}\n"
    "complete -F _kubectl_lp kubectl-lp\n";

static const char zsh[] =
    "#compdef kubectl-lp\n"
    "_kubectl_lp()\n"
    "{\n"
    "    local line found=()\n"
    "    while IFS= read -r line; do\n"
    "        case $line in\n"
    "        :4) ;;\n"
    "        :0) _files; return ;;\n"
    "        *) found+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\") ;;\n"
    "        esac\n"
    "    done < <(kubectl-lp __complete \"${(@)words[2,CURRENT]}\" 2>/dev/null)\n"
    "    _describe kubectl-lp found\n"
    "}\n"
    "if [ \"$funcstack[1]\" = _kubectl-lp ]; then _kubectl_lp; else compdef _kubectl_lp "
    "kubectl-lp; fi\n";

static const char fish[] =
    "function __kubectl_lp\n"
    "    set -l words (commandline -opc)\n"
    "    set -l found (kubectl-lp __complete $words[2..-1] (commandline -ct) 2>/dev/null)\n"
    "    if test \"$found[-1]\" = :0\n"
    "        __fish_complete_path (commandline -ct)\n"
    "    else\n"
    "        string match -v ':*' -- $found\n"
    "    end\n"
    "end\n"
    "complete -c kubectl-lp -f -a '(__kubectl_lp)'\n";

const char *cli_completion_script(const char *shell)
{
    static const struct {
        const char *shell, *script;
    } scripts[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };

    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
        if (strcmp(scripts[i].shell, shell) == 0)
            return scripts[i].script;
    return NULL;
}
