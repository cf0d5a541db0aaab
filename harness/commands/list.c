/* gauntlet list: what there is to name on the command line. */
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "harness/command.h"
#include "harness/condition.h"
#include "harness/lists.h"
#include "harness/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option options[] = {
    {"json", NULL, NULL, "as JSON", false, NULL},
    {"names", NULL, NULL, "names only, one a line", false, NULL},
    {0},
};

static const struct example examples[] = {
    {"gauntlet list noises", "every decoder, resizer, corruption and attack"},
    {"gauntlet list noises --json", "with all parameters and defaults, for a script"},
    {0},
};

/* One line of a list. */
struct entry {
    const char *kind, *name, *detail, *summary, *source;
    const struct param *params;
    bool varies; /* its bytes differ between CPUs */
};

struct listing {
    struct entry *entries;
    size_t count;
    struct arena arena;
};

static void add(struct listing *list, struct entry entry)
{
    list->entries = mem_grow(list->entries, list->count + 1, sizeof *list->entries);
    list->entries[list->count++] = entry;
}

static const char *parameter_text(struct listing *list, const struct param *params)
{
    struct text text = {0};
    for (; params && params->name; params++)
        text_addf(&text, "%s%s=%s", text.size ? " " : "", params->name, params->fallback);
    const char *copy = arena_copy(&list->arena, text.data ? text.data : "");
    text_clear(&text);
    return copy;
}

static void add_system(struct listing *list)
{
    for (size_t i = 0; decoder_registry[i]; i++)
        add(list, (struct entry){
                      "system",
                      arena_format(&list->arena, "decode=%s", decoder_registry[i]->name),
                      "", decoder_registry[i]->summary, decoder_registry[i]->source, NULL,
                      !decoder_registry[i]->portable});
    for (size_t i = 0; resizer_registry[i]; i++)
        add(list, (struct entry){
                      "system",
                      arena_format(&list->arena, "resize=%s", resizer_registry[i]->name),
                      "", resizer_registry[i]->summary, resizer_registry[i]->source, NULL,
                      !resizer_registry[i]->portable});
    for (size_t i = 0; colour_registry[i]; i++)
        add(list,
            (struct entry){
                "system",
                arena_format(&list->arena, "colour=%s", colour_registry[i]->name), "",
                colour_registry[i]->summary, colour_registry[i]->source, NULL, false});
    for (const struct system_key *key = condition_keys; key->key; key++)
        if (strcmp(key->key, "decode") && strcmp(key->key, "resize") &&
            strcmp(key->key, "colour"))
            add(list,
                (struct entry){"system", arena_format(&list->arena, "%s=", key->key),
                               key->choices, key->help, NULL, NULL, false});
}

static void add_noises(struct listing *list)
{
    add(list, (struct entry){"clean", "clean", "", "nothing is done", NULL, NULL, false});
    add_system(list);
    for (size_t i = 0; natural_registry[i]; i++) {
        const struct natural *noise = natural_registry[i];
        const char *params = parameter_text(list, noise->params);
        const char *detail =
            noise->severities > 1
                ? arena_format(&list->arena, ":1-%d%s%s", noise->severities,
                               *params ? " " : "", params)
                : params;
        add(list, (struct entry){"natural", noise->name, detail, noise->summary,
                                 noise->source, noise->params, false});
    }
    for (size_t i = 0; perturbation_registry[i]; i++) {
        const struct perturbation *sequence = perturbation_registry[i];
        add(list, (struct entry){"sequence",
                                 arena_format(&list->arena, "%s-p", sequence->name), ":1-3",
                                 sequence->summary, "arXiv:1903.12261", NULL, false});
    }
    for (size_t i = 0; attack_registry[i]; i++) {
        const struct attack *attack = attack_registry[i];
        add(list, (struct entry){"adversarial", attack->name,
                                 parameter_text(list, attack->params), attack->summary,
                                 attack->source, attack->params, false});
    }
}

static void json_params(const struct param *params, struct text *out)
{
    static const char *const kinds[] = {"real", "int", "word", "path"};
    text_add(out, ",\"params\":[");
    for (const struct param *p = params; p && p->name; p++) {
        text_addf(out, "%s{\"name\":\"%s\",\"kind\":\"%s\",\"default\":",
                  p == params ? "" : ",", p->name, kinds[p->kind]);
        json_string(out, p->fallback);
        text_add(out, ",\"words\":");
        json_string(out, p->words);
        text_add(out, ",\"help\":");
        json_string(out, p->help);
        text_add(out, "}");
    }
    text_add(out, "]");
}

static void print_json(const struct listing *list)
{
    struct text out = {0};
    text_add(&out, "[");
    for (size_t i = 0; i < list->count; i++) {
        const struct entry *entry = &list->entries[i];
        text_addf(&out, "%s\n {\"kind\":\"%s\",\"name\":", i ? "," : "", entry->kind);
        json_string(&out, entry->name);
        text_add(&out, ",\"detail\":");
        json_string(&out, entry->detail);
        text_add(&out, ",\"summary\":");
        json_string(&out, entry->summary);
        text_add(&out, ",\"source\":");
        json_string(&out, entry->source);
        text_addf(&out, ",\"portable\":%s", entry->varies ? "false" : "true");
        json_params(entry->params, &out);
        text_add(&out, "}");
    }
    text_add(&out, "\n]\n");
    fputs(out.data, stdout);
    text_clear(&out);
}

static void print_table(const struct listing *list)
{
    static const char *const titles[] = {"KIND", "NAME", "WHAT", "PARAMETERS", NULL};
    struct libscols_table *table = table_new(titles, "");
    for (size_t i = 0; i < list->count; i++) {
        const struct entry *entry = &list->entries[i];
        const char *const values[] = {entry->kind, entry->name, entry->summary,
                                      entry->detail};
        table_row(table, values);
    }
    table_print(table, stdout);
}

static enum status collect(const char *what, struct listing *list)
{
    static const char *const kinds[] = {"models", "datasets", "noises", "suites"};
    struct named *named = NULL;
    size_t count = 0;
    enum status st = OK;
    if (!strcmp(what, "noises"))
        add_noises(list);
    else if (!strcmp(what, "models"))
        st = list_models(&list->arena, &named, &count);
    else if (!strcmp(what, "datasets"))
        st = list_datasets(&list->arena, &named, &count);
    else if (!strcmp(what, "suites"))
        st = list_suites(&list->arena, &named, &count);
    else {
        const char *near = text_nearest(what, kinds, 4);
        return status_fail(
            ERR_USAGE, "'%s': choose one of models, datasets, noises, suites%s%s%s", what,
            near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    }
    for (size_t i = 0; i < count; i++)
        add(list, (struct entry){named[i].kind, named[i].name, named[i].detail,
                                 named[i].summary, NULL, NULL, false});
    free(named);
    return st;
}

static enum exit_code run(const struct arguments *arguments)
{
    struct listing list = {0};
    enum exit_code code = EXIT_DONE;
    enum status st = collect(arguments->operands[0], &list);
    if (st)
        code = command_fail(arguments, st);
    else if (option_given(arguments, "json"))
        print_json(&list);
    else if (option_given(arguments, "names"))
        for (size_t i = 0; i < list.count; i++)
            puts(list.entries[i].name);
    else
        print_table(&list);
    free(list.entries);
    arena_clear(&list.arena);
    return code;
}

const struct command command_list = {
    .name = "list",
    .summary = "list models, datasets, noises or suites",
    .operands = "models|datasets|noises|suites",
    .min_operands = 1,
    .max_operands = 1,
    .about =
        "Lists what can be named on the command line and in suites: the networks and "
        "datasets of the catalogues, the layouts of data that are read, every noise with "
        "its parameters and their defaults, and the suites that come with the program.",
    .options = options,
    .examples = examples,
    .run = run,
};
