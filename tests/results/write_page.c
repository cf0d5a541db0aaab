/* Writes the HTML leaderboard of a made store to standard output. */
#include "tests/test.h"

#include "tests/results/fixture.h"

#include "results/board.h"

int main(void)
{
    struct fixture fixture;
    struct leaderboard_options options = {.format = "html"};
    fixture_open(&fixture, 300);
    fixture_fill(&fixture);
    enum status st = leaderboard_write(fixture.store, &options, stdout);
    fixture_close(&fixture);
    return st ? 1 : 0;
}
