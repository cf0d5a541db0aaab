/* Writes the HTML leaderboard of a made store, with a night before it, to standard output. */
#include "tests/test.h"

#include "tests/results/fixture.h"

#include "results/board.h"

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
    enum status st = leaderboard_write(fixture.store, &options, stdout);
    fixture_close(&fixture);
    return st ? 1 : 0;
}
