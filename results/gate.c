/* Reading and judging gates: a small recursive descent, values straight from SQL. */
#include "results/nightly.h"

#include "base/text.h"
#include "results/sql.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct parser {
    sqlite3 *db;
    int64_t run;
    const char *gate, *at;
    enum status st;
};

static double fail(struct parser *parser, const char *message)
{
    if (!parser->st)
        parser->st = status_fail(ERR_USAGE, "gate: %s\n  %s\n  %*s^", message, parser->gate,
                                 (int)(parser->at - parser->gate), "");
    return (double)NAN;
}

static void skip_space(struct parser *parser)
{
    while (isspace((unsigned char)*parser->at))
        parser->at++;
}

static bool accept(struct parser *parser, const char *token)
{
    skip_space(parser);
    size_t size = strlen(token);
    if (strncmp(parser->at, token, size))
        return false;
    parser->at += size;
    return true;
}

/* One column that a selector may match; `place` says that it names a condition. */
static const struct field {
    const char *key, *sql;
    bool place;
} fields[] = {
    {"model", "(n.model GLOB %Q OR n.model || '/' || n.variant GLOB %Q)", false},
    {"precision", "n.precision = %Q", false},
    {"dataset", "n.dataset GLOB %Q", false},
    {"kind", "n.kind = %Q", true},
    {"noise", "n.noise = %Q", true},
    {"condition", "n.condition = %Q", true},
};
enum { FIELDS = sizeof fields / sizeof *fields };

static bool known(struct parser *parser, const struct field *field, const char *word)
{
    char *test = sqlite3_mprintf(field->sql, word, word);
    char *sql = mem_format("SELECT count(*) FROM cell_named n JOIN run_cell x USING(cell_id)"
                           " WHERE x.run_id = ? AND %s", test);
    int64_t count = 0;
    enum status st = sql_int(parser->db, 0, &count, sql, "i", parser->run);
    parser->st = parser->st ? parser->st : st;
    sqlite3_free(test);
    free(sql);
    return count > 0;
}

/* Adds a selector's test to the WHERE clause. */
static void select_by(struct parser *parser, char *word, struct text *where, bool *placed)
{
    const struct field *field = NULL;
    char *value = word;
    for (int i = 0; i < FIELDS && !field; i++) {
        size_t size = strlen(fields[i].key);
        if (!strncmp(word, fields[i].key, size) && word[size] == '=') {
            field = &fields[i];
            value = word + size + 1;
        }
    }
    for (int i = 0; i < FIELDS && !field && !parser->st; i++)
        if (i != 2 && known(parser, &fields[i], word))
            field = &fields[i];
    if (!field) {
        char *message = mem_format("nothing in this run is called '%s'", word);
        fail(parser, message);
        free(message);
        return;
    }
    char *test = sqlite3_mprintf(field->sql, value, value);
    text_addf(where, " AND %s", test);
    sqlite3_free(test);
    *placed = *placed || field->place;
}

/* What stands between the brackets, up to the closing one. */
static bool read_selectors(struct parser *parser, struct text *where)
{
    bool placed = false;
    const char *end = strchr(parser->at, ')');
    if (!end) {
        fail(parser, "a bracket is not closed");
        return false;
    }
    char *inside = mem_format("%.*s", (int)(end - parser->at), parser->at), *rest = NULL;
    for (char *word = strtok_r(inside, ",", &rest); word && !parser->st;
         word = strtok_r(NULL, ",", &rest)) {
        while (isspace((unsigned char)*word))
            word++;
        size_t size = strlen(word);
        while (size && isspace((unsigned char)word[size - 1]))
            word[--size] = 0;
        if (size)
            select_by(parser, word, where, &placed);
    }
    free(inside);
    if (!placed)
        text_add(where, " AND n.kind = 'clean'");
    parser->at = end + 1;
    return !parser->st;
}

static double ask_cells(struct parser *parser, const char *what)
{
    struct text where = {0};
    double value = (double)NAN;
    const char *start = parser->at;
    if (read_selectors(parser, &where)) {
        char *sql = mem_format("SELECT %s, count(*) FROM cell_named n JOIN run_cell x"
                               " ON x.cell_id = n.cell_id JOIN cell c ON c.cell_id = n.cell_id"
                               " WHERE x.run_id = ?%s", what, where.data);
        struct query query;
        query_begin(&query, parser->db, sql, "i", parser->run);
        int64_t count = 0;
        if (query_row(&query)) {
            value = query_real(&query, 0);
            count = query_int(&query, 1);
        }
        enum status st = query_end(&query);
        parser->st = parser->st ? parser->st : st;
        if (!count) {
            parser->at = start;
            fail(parser, "no cell of this run is meant by");
        }
        free(sql);
    }
    text_clear(&where);
    return value;
}

static double expression(struct parser *parser);

static double primary(struct parser *parser)
{
    static const struct {
        const char *name, *sql;
    } functions[] = {
        {"acc", "avg(1.0 * c.n_ok / c.n)"},
        {"worst", "min(1.0 * c.n_ok / c.n)"},
        {"delta", "avg(1.0 * (c.n_won - c.n_lost) / c.n)"},
        {"kept", "avg(1.0 * (c.n_clean_ok - c.n_lost) / c.n_clean_ok)"},
    };
    if (accept(parser, "-"))
        return -primary(parser);
    if (accept(parser, "(")) {
        double value = expression(parser);
        return accept(parser, ")") ? value : fail(parser, "')' is missing");
    }
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        const char *start = parser->at;
        if (accept(parser, functions[i].name) && accept(parser, "("))
            return ask_cells(parser, functions[i].sql);
        parser->at = start;
    }
    char *end = NULL;
    skip_space(parser);
    double number = strtod(parser->at, &end);
    if (end == parser->at)
        return fail(parser, "a number or acc(), worst(), delta(), kept() belongs here");
    parser->at = end;
    if (accept(parser, "%"))
        number /= 100;
    return number;
}

static double product(struct parser *parser)
{
    double value = primary(parser);
    while (!parser->st)
        if (accept(parser, "*"))
            value *= primary(parser);
        else if (accept(parser, "/"))
            value /= primary(parser);
        else
            break;
    return value;
}

static double expression(struct parser *parser)
{
    double value = product(parser);
    while (!parser->st)
        if (accept(parser, "+"))
            value += product(parser);
        else if (accept(parser, "-"))
            value -= product(parser);
        else
            break;
    return value;
}

enum status gate_judge(struct store *store, int64_t run, const char *gate, bool *holds,
                       char outcome[128])
{
    static const char *const signs[] = {">=", "<=", ">", "<"};
    struct parser parser = {store_handle(store), run, gate, gate, OK};
    *holds = false;
    outcome[0] = 0;
    double left = expression(&parser);
    size_t sign = 0;
    while (!parser.st && sign < 4 && !accept(&parser, signs[sign]))
        sign++;
    if (!parser.st && sign == 4)
        fail(&parser, "one of >= > <= < belongs here");
    double right = parser.st ? 0 : expression(&parser);
    skip_space(&parser);
    if (!parser.st && *parser.at)
        fail(&parser, "the gate should end here");
    if (parser.st)
        return parser.st;
    *holds = sign == 0   ? left >= right
             : sign == 1 ? left <= right
             : sign == 2 ? left > right
                         : left < right;
    snprintf(outcome, 128, "%.4f %s %.4f", left, signs[sign], right);
    return OK;
}
