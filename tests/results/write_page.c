/* Writes the HTML leaderboard of a made store, with a night before it and the report of what
 * changed since, to standard output. */
#include "tests/test.h"

#include "tests/results/fixture.h"

#include "results/board.h"
#include "results/nightly.h"

static char *report(const struct fixture *fixture)
{
    struct night_options how = {.min_effect = 0.001, .work = "as a test does it"};
    struct night *night;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_ok(night_open(fixture->store, fixture->run, 1, &how, &night));
    assert_ok(night_write(night, "html", 0, false, out));
    fclose(out);
    night_close(night);
    return text;
}

int main(void)
{
    struct fixture fixture;
    struct leaderboard_options options = {.format = "html"};
    fixture_open(&fixture, 300);
    /* alpha of the night before was better in fog; and a number that stands for itself */
    fixture_cell(&fixture, 0, fixture_condition(&fixture, "clean", "clean", "clean", 0, -1),
                 0.9, 98);
    fixture_cell(&fixture, 0, fixture_condition(&fixture, "natural", "fog", "fog:1", 1, -1),
                 0.99, 99);
    fixture_new_run(&fixture);
    fixture_fill(&fixture);
    char *above = report(&fixture);
    options.above = above;
    enum status st = leaderboard_write(fixture.store, &options, stdout);
    free(above);
    fixture_close(&fixture);
    return st ? 1 : 0;
}
