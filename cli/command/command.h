/* cli/command/command.h -- the commands of kubectl lp and their options, as tables: what reads the
 * command line, help, man page, docs/cli/, completion and `check` go by them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "cli/command/format.h"

/* What the API server must allow, one row a resource; `why` says what is missing without it. */
struct cli_right {
    const char *group, *resource; /* group "" of the core; resource as RBAC has it: "pods/log" */
    const char *verbs;            /* "get list": one right each */
    const char *why;
    bool everywhere; /* asked for without a namespace; else of the one that is looked at */
};

struct cli_example {
    const char *what, *line; /* a sentence without its full stop; what is typed */
};

#define CLI_MAX_EXAMPLES 6
#define CLI_MAX_RIGHTS 20

struct cli_command {
    const char *name;
    const char *arguments;                         /* as a usage line has them */
    const char *summary;                           /* of one line, without a full stop */
    const char *text;                              /* paragraphs, lines of up to 90 bytes */
    struct cli_example examples[CLI_MAX_EXAMPLES]; /* the last ones have no line */
    struct cli_right rights[CLI_MAX_RIGHTS];       /* the last ones have no resource */
    enum cli_format formats[4];                    /* of -o, the default first; else 0 */
    const char *names[2];  /* what a first and a second name are: "PLATFORM"; NULL: it takes none */
    const char *words;     /* what the first name may be, where that is no object's: "bash zsh" */
    bool needs_file;       /* -f must be there */
    bool offline;          /* asks no API server */
    bool takes_namespace;  /* -n has a meaning though it is offline and takes no file */
    bool one_is_an_answer; /* status 1 has a meaning, so that errors are 2 */
};

/* Ends with a row without a name. */
extern const struct cli_command cli_commands[];
const struct cli_command *cli_command_find(const char *name); /* NULL: there is none; so for NULL */

enum cli_option_kind { CLI_FLAG, CLI_VALUE, CLI_LIST, CLI_NUMBER, CLI_FORMAT };
enum cli_complete {
    CLI_COMPLETE_NOTHING,
    CLI_COMPLETE_FILES,
    CLI_COMPLETE_WORDS,
    CLI_COMPLETE_NAMESPACES,
    CLI_COMPLETE_SERVICES,
    CLI_COMPLETE_CONTEXTS,
    CLI_COMPLETE_CLUSTERS,
    CLI_COMPLETE_USERS
};

#define CLI_NOT_GIVEN INT64_MIN

struct cli_option {
    const char *name, *other; /* "-n" and "--namespace"; NULL of `other`: it has one form */
    const char *value;        /* what a usage calls its value; NULL of a flag */
    const char *commands;     /* who takes it, as a sentence names them; NULL: all */
    const char *help;         /* without a full stop */
    enum cli_option_kind kind;
    size_t offset;                 /* in struct cli_options; not of CLI_FORMAT */
    size_t room;                   /* of a list, which ends with NULL */
    const char *unit;              /* of a number, of up to three decimals */
    int64_t least, most, fallback; /* of it; the fallback in thousandths */
    enum cli_complete complete;
    const char *words; /* of CLI_COMPLETE_WORDS, separated by spaces */
    bool connection;   /* one of kubectl's, which all commands with an API server take */
};

extern const struct cli_option cli_option_table[]; /* ends with a row without a name */

/* Whether a sentence of commands ("why and record") or a list ("bash zsh") names this one; what is
 * no single word it never does. */
bool cli_names(const char *commands, const char *command);

/* Whether the command takes the option. */
bool cli_takes(const struct cli_command *command, const struct cli_option *option);

/* "yaml": what -o calls it. */
const char *cli_format_name(enum cli_format format);

/* Appends what there is to know of a command, or of all where it is NULL, as CLI_TEXT, CLI_MARKDOWN
 * or CLI_MAN (roff; man(7)). */
void cli_help(const struct cli_command *command, enum cli_format format, struct lp_buf *out);

/* What makes "bash", "zsh" or "fish" complete kubectl-lp; NULL of another shell. */
const char *cli_completion_script(const char *shell);
