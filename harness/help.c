/* Help, man page and completion, all from the command tables. */
#include "harness/command.h"

#include "base/text.h"
#include "harness/build_info.h"
#include "harness/condition.h"
#include "noises/adversarial/adversarial.h"
#include "noises/natural/natural.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char intro[] =
    "Gauntlet measures how a network's accuracy holds under adversarial, natural and "
    "system noise: real files through real decoders, resizers, corruptions and attacks, "
    "into a database that anyone can query.";

static const struct {
    enum exit_code code;
    const char *meaning;
} exit_meanings[] = {
    {EXIT_DONE, "done"},
    {EXIT_USAGE, "the command line, a suite or an input says what cannot be"},
    {EXIT_CELLS, "some cells failed or timed out; the others are stored"},
    {EXIT_REGRESSION, "a gate or a comparison failed"},
    {EXIT_INTERRUPTED, "interrupted; the same command goes on where it stopped"},
    {EXIT_LOCKED, "somebody else holds the lock"},
    {EXIT_STORE, "the database is missing, corrupt, read-only or newer than this program"},
    {EXIT_UNRELIABLE, "a cell has a reliability flag, and --strict was given"},
};
enum { N_EXITS = sizeof exit_meanings / sizeof *exit_meanings };

/* Words of `text` between columns `indent` and 80, the first line already at `column`. */
static void wrap(const char *text, int indent, int column)
{
    bool first = true;
    while (*text) {
        if (*text == '\n') {
            printf("\n%*s", indent, "");
            column = indent;
            first = true;
            text++;
            continue;
        }
        int length = (int)strcspn(text, " \n");
        if (!first && column + 1 + length > 80) {
            printf("\n%*s", indent, "");
            column = indent;
            first = true;
        }
        column += printf(first ? "%.*s" : " %.*s", length, text);
        first = false;
        text += length;
        text += *text == ' ';
    }
    putchar('\n');
}

static int print_option_head(const struct option *option)
{
    return option->argument ? printf("  --%s %s", option->name, option->argument)
                            : printf("  --%s", option->name);
}

enum { OPTION_COLUMN = 28 };

static void print_option(const struct option *option)
{
    int column = print_option_head(option);
    if (column > OPTION_COLUMN - 2) {
        putchar('\n');
        column = 0;
    }
    printf("%*s", OPTION_COLUMN - column, "");
    char help[1024];
    snprintf(help, sizeof help, "%s%s%s%s%s", option->help,
             option->many ? "; may be given several times" : "",
             option->fallback ? " [" : "", option->fallback ? option->fallback : "",
             option->fallback ? "]" : "");
    wrap(help, OPTION_COLUMN, OPTION_COLUMN);
}

void help_command(const struct command *command)
{
    printf("Usage: gauntlet %s%s%s%s\n\n", command->name, command->operands ? " " : "",
           command->operands ? command->operands : "",
           command->options && command->options->name ? " [OPTION]..." : "");
    wrap(command->about ? command->about : command->summary, 0, 0);

    printf("\nOptions:\n");
    for (const struct option *o = command->options; o && o->name; o++)
        print_option(o);
    print_option(&(struct option){.name = "help", .help = "show this help"});

    if (command->examples)
        printf("\nExamples:\n");
    for (const struct example *e = command->examples; e && e->line; e++)
        printf("  %s\n      %s\n", e->line, e->meaning);
}

void help_overview(void)
{
    printf("Usage: gauntlet COMMAND [ARGUMENT]...\n\n");
    wrap(intro, 0, 0);
    printf("\nCommands:\n");
    for (size_t i = 0; command_registry[i]; i++) {
        printf("  %-14s", command_registry[i]->name);
        wrap(command_registry[i]->summary, 16, 16);
    }
    printf("\nExit codes:\n");
    for (size_t i = 0; i < N_EXITS; i++)
        printf("  %d  %s\n", exit_meanings[i].code, exit_meanings[i].meaning);
    printf("\n'gauntlet COMMAND --help' says more; so does 'man gauntlet'.\n");
}

static void print_param(const struct param *p)
{
    struct text help = {0};
    int column = printf("  %s=%s", p->name, p->fallback);
    printf("%*s", column < OPTION_COLUMN - 1 ? OPTION_COLUMN - column : 2, "");
    text_add(&help, p->help);
    if (p->words)
        text_addf(&help, "; one of: %s", p->words);
    else if (p->min < p->max)
        text_addf(&help, "; %g to %g", p->min, p->max);
    wrap(help.data, OPTION_COLUMN, OPTION_COLUMN);
    text_clear(&help);
}

static void print_noise(const char *name, const char *summary, const char *source,
                        const struct param *params)
{
    printf("%s: ", name);
    wrap(summary, 0, (int)strlen(name) + 2);
    printf("%s\n%s", source, params && params->name ? "\nParameters and defaults:\n" : "");
    for (; params && params->name; params++)
        print_param(params);
}

bool help_noise(const char *name)
{
    for (const struct attack *const *a = attack_registry; *a; a++)
        if (!strcmp((*a)->name, name)) {
            print_noise(name, (*a)->summary, (*a)->source, (*a)->params);
            return true;
        }
    for (const struct natural *const *n = natural_registry; *n; n++)
        if (!strcmp((*n)->name, name)) {
            print_noise(name, (*n)->summary, (*n)->source, (*n)->params);
            return true;
        }
    for (const struct system_key *key = condition_keys; key->key; key++)
        if (!strcmp(key->key, name)) {
            printf("%s=%s: %s\n", key->key, key->choices, key->help);
            return true;
        }
    return false;
}

/* Text for troff: a leading dot or quote and every backslash and hyphen would be taken as
 * a command, an escape or a typographic dash. */
static void troff(const char *text)
{
    bool start = true;
    for (const char *c = text; *c; c++) {
        if (start && (*c == '.' || *c == '\''))
            fputs("\\&", stdout);
        if (*c == '\\')
            fputs("\\e", stdout);
        else if (*c == '-')
            fputs("\\-", stdout);
        else if (*c == '\n')
            fputs("\n.br\n", stdout);
        else
            putchar(*c);
        start = *c == '\n';
    }
}

static void man_option(const struct option *option)
{
    printf(".TP\n\\fB\\-\\-");
    troff(option->name);
    printf("\\fR");
    if (option->argument) {
        printf(" \\fI");
        troff(option->argument);
        printf("\\fR");
    }
    putchar('\n');
    troff(option->help);
    if (option->many)
        printf("; may be given several times");
    if (option->fallback) {
        printf(" (default: ");
        troff(option->fallback);
        putchar(')');
    }
    putchar('\n');
}

static void man_command(const struct command *command)
{
    printf(".SS gauntlet %s", command->name);
    if (command->operands) {
        putchar(' ');
        troff(command->operands);
    }
    putchar('\n');
    troff(command->about ? command->about : command->summary);
    putchar('\n');
    for (const struct option *o = command->options; o && o->name; o++)
        man_option(o);
    for (const struct example *e = command->examples; e && e->line; e++) {
        printf(".PP\n");
        troff(e->meaning);
        printf(":\n.RS 4\n.nf\n");
        troff(e->line);
        printf("\n.fi\n.RE\n");
    }
}

void help_man(void)
{
    printf(".TH GAUNTLET 1 \"\" \"gauntlet %s\" \"User Commands\"\n", BUILD_VERSION);
    printf(".SH NAME\ngauntlet \\- measure the robustness of image classifiers\n");
    printf(".SH SYNOPSIS\n.B gauntlet\n.I COMMAND\n[\\fIARGUMENT\\fR]...\n");
    printf(".SH DESCRIPTION\n");
    troff(intro);
    printf("\n.SH COMMANDS\n");
    for (size_t i = 0; command_registry[i]; i++)
        man_command(command_registry[i]);
    printf(".SH EXIT STATUS\n");
    for (size_t i = 0; i < N_EXITS; i++) {
        printf(".TP\n%d\n", exit_meanings[i].code);
        troff(exit_meanings[i].meaning);
        putchar('\n');
    }
}

static void completion_words(const struct command *command)
{
    for (const struct option *o = command->options; o && o->name; o++)
        printf("--%s ", o->name);
    printf("--help");
}

/* After "--name", offer what its table says; otherwise the options, or files. */
static void completion_case(const struct command *command)
{
    printf("    %s)\n        case $prev in\n", command->name);
    for (const struct option *o = command->options; o && o->name; o++) {
        if (!o->argument)
            continue;
        if (!o->words || !strcmp(o->words, "files"))
            printf("        --%s) COMPREPLY=($(compgen -f -- \"$cur\")); return;;\n",
                   o->name);
        else if (!strcmp(o->words, "models") || !strcmp(o->words, "noises") ||
                 !strcmp(o->words, "datasets"))
            printf(
                "        --%s) COMPREPLY=($(compgen -f -W \"$(gauntlet list %s --names "
                "2>/dev/null)\" -- \"$cur\")); return;;\n",
                o->name, o->words);
        else
            printf("        --%s) COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return;;\n",
                   o->name, o->words);
    }
    printf("        esac\n        case $cur in\n        -*) COMPREPLY=($(compgen -W '");
    completion_words(command);
    printf("' -- \"$cur\"));;\n        *) COMPREPLY=($(compgen -f");
    if (command->operands && !strchr(command->operands, '.') &&
        islower(command->operands[0]))
        printf(" -W '%s'", command->operands);
    printf(" -- \"$cur\"));;\n        esac;;\n");
}

void help_completion(void)
{
    printf("# bash completion for gauntlet, made by: gauntlet help --completion\n"
           "_gauntlet()\n{\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
           "    COMPREPLY=()\n"
           "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
           "        COMPREPLY=($(compgen -W '");
    for (size_t i = 0; command_registry[i]; i++)
        printf("%s ", command_registry[i]->name);
    printf("--help --version' -- \"$cur\"))\n        return\n    fi\n"
           "    case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; command_registry[i]; i++)
        completion_case(command_registry[i]);
    printf("    esac\n}\ncomplete -o filenames -F _gauntlet gauntlet\n");
}
