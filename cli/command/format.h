/* cli/command/format.h -- the forms in which a command writes its answer. */
#pragma once

enum cli_format {
    CLI_DEFAULT,
    CLI_TABLE,
    CLI_TEXT,
    CLI_YAML,
    CLI_JSON,
    CLI_CSV,
    CLI_SVG,
    CLI_MARKDOWN,
    CLI_MAN,
    CLI_FORMATS
};
