/* cli/command/help.c -- help from the tables: as text, as Markdown for docs/cli/, as a man page. No
 * state. */
#include "cli/command/command.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

#define SYNOPSIS "looks at LearningPlatforms"
#define WIDTH 92
#define COLUMN 30 /* of the second column of options */

/* How each form writes its parts. */
struct form {
    void (*title)(const struct cli_command *c, struct lp_buf *out);
    void (*section)(const char *name, struct lp_buf *out);
    void (*text)(const char *text, struct lp_buf *out);
    void (*code)(const char *what, const char *line, struct lp_buf *out);
    void (*entry)(const char *term, const char *text, struct lp_buf *out);
};

/* `text` broken between words at WIDTH, each line after the first behind `indent` spaces. */
static void wrap(const char *text, size_t indent, struct lp_buf *out)
{
    size_t column = indent;

    while (*text) {
        size_t n = strcspn(text, " ");
        if (column > indent && column + n + 1 > WIDTH) {
            lp_buf_printf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            lp_buf_char(out, ' ');
            column++;
        }
        lp_buf_add(out, text, n);
        column += n;
        text += n + (text[n] == ' ');
    }
}

/* Each line of `text` behind `indent`; empty lines stay empty. */
static void indented(const char *text, const char *indent, struct lp_buf *out)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        if (n > 0)
            lp_buf_str(out, indent);
        lp_buf_add(out, text, n);
        lp_buf_char(out, '\n');
        text += n + (text[n] == '\n');
    }
}

static void text_title(const struct cli_command *c, struct lp_buf *out)
{
    if (c)
        lp_buf_printf(out, "kubectl lp %s: %s\n", c->name, c->summary);
    else
        lp_buf_str(out, "kubectl lp: " SYNOPSIS "\n");
}

static void text_section(const char *name, struct lp_buf *out)
{
    lp_buf_printf(out, "\n%s\n", name);
}

static void text_text(const char *text, struct lp_buf *out)
{
    indented(text, "  ", out);
}

static void text_code(const char *what, const char *line, struct lp_buf *out)
{
    if (what)
        lp_buf_printf(out, "  # %s\n", what);
    indented(line, "  ", out);
}

static void text_entry(const char *term, const char *text, struct lp_buf *out)
{
    size_t n = strlen(term);

    lp_buf_printf(out, "  %s", term);
    if (n + 3 > COLUMN)
        lp_buf_printf(out, "\n%*s", COLUMN, "");
    else
        lp_buf_printf(out, "%*s", (int)(COLUMN - 2 - n), "");
    wrap(text, COLUMN, out);
    lp_buf_char(out, '\n');
}

static void markdown_title(const struct cli_command *c, struct lp_buf *out)
{
    if (c)
        lp_buf_printf(out, "# kubectl lp %s\n\n%c%s.\n", c->name, c->summary[0] & ~0x20,
                      c->summary + 1); /* an ASCII letter in upper case */
    else
        lp_buf_str(out, "# kubectl lp\n\nWhat " SYNOPSIS ". `docs/generate` writes this folder "
                        "from the table of commands.\n");
}

static void markdown_section(const char *name, struct lp_buf *out)
{
    lp_buf_printf(out, "\n## %s\n", name);
}

static void markdown_text(const char *text, struct lp_buf *out)
{
    lp_buf_printf(out, "\n%s\n", text);
}

static void markdown_code(const char *what, const char *line, struct lp_buf *out)
{
    if (what)
        lp_buf_printf(out, "\n%s:\n", what);
    lp_buf_char(out, '\n');
    indented(line, "    ", out);
}

static void markdown_entry(const char *term, const char *text, struct lp_buf *out)
{
    lp_buf_printf(out, "- `%s`: %s\n", term, text);
}

/* roff: a backslash and a dot or quote at the start of a line mean something. */
static void roff(const char *text, struct lp_buf *out)
{
    for (bool start = true; *text; start = *text++ == '\n') {
        if (start && (*text == '.' || *text == '\''))
            lp_buf_str(out, "\\&");
        if (*text == '\\')
            lp_buf_str(out, "\\e");
        else if (*text == '-')
            lp_buf_str(out, "\\-");
        else if (*text == '\'')
            lp_buf_str(out, "\\(aq");
        else
            lp_buf_char(out, *text);
    }
}

static void man_title(const struct cli_command *c, struct lp_buf *out)
{
    if (c) {
        lp_buf_printf(out, ".SH kubectl lp %s\n", c->name);
        roff(c->summary, out);
        lp_buf_char(out, '\n');
        return;
    }
    lp_buf_str(out, ".TH KUBECTL\\-LP 1 \"\" \"learning\\-platform " LP_VERSION "\"\n.SH NAME\n"
                    "kubectl\\-lp \\- " SYNOPSIS "\n.SH SYNOPSIS\n.B kubectl lp\n.I COMMAND\n"
                    "[\\fIARGUMENT\\fR | \\fIOPTION\\fR]...\n.SH DESCRIPTION\n");
}

static void man_section(const char *name, struct lp_buf *out)
{
    lp_buf_printf(out, ".SS %s\n", name);
}

static void man_text(const char *text, struct lp_buf *out)
{
    const char *end;

    for (; *text; text = end) {
        end = strstr(text, "\n\n");
        size_t n = end ? (size_t)(end - text) : strlen(text);
        lp_auto_buf struct lp_buf paragraph = LP_BUF_INIT(1 << 16);
        lp_buf_add(&paragraph, text, n);
        lp_buf_str(out, ".PP\n");
        roff(paragraph.ptr, out);
        lp_buf_char(out, '\n');
        end = text + n + (end ? 2 : 0);
    }
}

static void man_code(const char *what, const char *line, struct lp_buf *out)
{
    if (what) {
        lp_buf_str(out, ".PP\n");
        roff(what, out);
        lp_buf_str(out, ":\n");
    }
    lp_buf_str(out, ".PP\n.RS 4\n.nf\n");
    roff(line, out);
    lp_buf_str(out, "\n.fi\n.RE\n");
}

static void man_entry(const char *term, const char *text, struct lp_buf *out)
{
    lp_buf_str(out, ".TP\n.B ");
    roff(term, out);
    lp_buf_char(out, '\n');
    roff(text, out);
    lp_buf_char(out, '\n');
}

static const struct form forms[] = {
    [CLI_TEXT] = { text_title, text_section, text_text, text_code, text_entry },
    [CLI_MARKDOWN] = { markdown_title, markdown_section, markdown_text, markdown_code,
                       markdown_entry },
    [CLI_MAN] = { man_title, man_section, man_text, man_code, man_entry },
};

/* "-n, --namespace NAMESPACE" */
static void write_option(const struct cli_command *c, const struct cli_option *o,
                         const struct form *form, struct lp_buf *out)
{
    lp_auto_buf struct lp_buf term = LP_BUF_INIT(200), help = LP_BUF_INIT(1000);

    lp_buf_printf(&term, "%s%s%s%s%s", o->name, o->other ? ", " : "", o->other ? o->other : "",
                  o->value ? " " : "", o->value ? o->value : "");
    if (c && o->kind == CLI_FORMAT) {
        for (size_t i = 0; i < LP_COUNT(c->formats) && c->formats[i] != CLI_DEFAULT; i++)
            lp_buf_printf(&help, "%s%s", i > 0 ? ", " : "", cli_format_name(c->formats[i]));
        lp_buf_printf(&help, "; %s where it is not given", cli_format_name(c->formats[0]));
    } else {
        lp_buf_str(&help, o->help);
    }
    form->entry(term.ptr, help.ptr, out);
}

/* Markdown has an empty line before a list. */
static void list_of(const char *name, const struct form *form, struct lp_buf *out)
{
    form->section(name, out);
    if (form == &forms[CLI_MARKDOWN])
        lp_buf_char(out, '\n');
}

static void write_options(const struct cli_command *c, const struct form *form, struct lp_buf *out)
{
    bool any = false;

    for (const struct cli_option *o = cli_option_table; o->name; o++) {
        if (o->connection || !cli_takes(c, o))
            continue;
        if (!any)
            list_of("Options", form, out);
        any = true;
        write_option(c, o, form, out);
    }
    if (!c->offline && any)
        form->text("Cluster and identity: --kubeconfig, --context and the others of kubectl, see "
                   "`kubectl lp help`.",
                   out);
}

static void write_rights(const struct cli_command *c, const struct form *form, struct lp_buf *out)
{
    if (!c->rights[0].resource)
        return;
    list_of("Rights", form, out);
    for (size_t i = 0; i < CLI_MAX_RIGHTS && c->rights[i].resource; i++) {
        const struct cli_right *r = &c->rights[i];
        lp_auto_buf struct lp_buf term = LP_BUF_INIT(300), text = LP_BUF_INIT(300);
        lp_buf_printf(&term, "%s%s%s", r->resource, *r->group ? "." : "", r->group);
        for (const char *v = r->verbs; *v; v++)
            lp_buf_printf(&text, *v == ' ' ? ",%c" : "%c", *v);
        lp_buf_printf(&text, "%s; without it this is missing: %s",
                      r->everywhere ? " in the cluster" : "", r->why);
        form->entry(term.ptr, text.ptr, out);
    }
}

static void write_command(const struct cli_command *c, const struct form *form, struct lp_buf *out)
{
    lp_auto_buf struct lp_buf usage = LP_BUF_INIT(2000);
    const char *rest = c->arguments;

    form->title(c, out);
    lp_buf_printf(&usage, "kubectl lp %s", c->name);
    for (const char *line = rest; *line; line = rest) {
        size_t n = strcspn(line, "\n");
        lp_buf_str(&usage, line == c->arguments ? " " : "\n    ");
        lp_buf_add(&usage, line, n);
        rest = line + n + (line[n] == '\n');
    }
    form->section("Usage", out);
    form->code(NULL, usage.ptr, out);
    if (form == &forms[CLI_TEXT])
        lp_buf_char(out, '\n');
    form->text(c->text, out);
    write_options(c, form, out);
    form->section("Examples", out);
    for (size_t i = 0; i < CLI_MAX_EXAMPLES && c->examples[i].line; i++)
        form->code(c->examples[i].what, c->examples[i].line, out);
    write_rights(c, form, out);
}

static void write_connection(const struct form *form, struct lp_buf *out)
{
    list_of("Options of kubectl", form, out);
    for (const struct cli_option *o = cli_option_table; o->name; o++)
        if (o->connection)
            write_option(NULL, o, form, out);
    form->entry("--version", "the plugin's version", out);
    form->entry("-h, --help", "what the command before it does, or all of them", out);
}

static void write_list(const struct form *form, struct lp_buf *out)
{
    form->title(NULL, out);
    list_of("Commands", form, out);
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        if (form == &forms[CLI_MARKDOWN])
            lp_buf_printf(out, "- [%s](%s.md): %s\n", c->name, c->name, c->summary);
        else
            form->entry(c->name, c->summary, out);
    }
    write_connection(form, out);
    form->text("`kubectl lp help COMMAND` has a command's options, examples and rights.", out);
}

void cli_help(const struct cli_command *command, enum cli_format format, struct lp_buf *out)
{
    const struct form *form = &forms[format];

    if (command) {
        write_command(command, form, out);
        return;
    }
    write_list(form, out);
    for (const struct cli_command *c = cli_commands; format == CLI_MAN && c->name; c++)
        write_command(c, form, out);
}
