/* A star as sparkles and inverse_sparkles have it. */
#pragma once

enum { STAR_RAYS = 200, STAR_FEWEST = 50 }; /* 50 to 199 of them */

struct star {
    double y, x;     /* the centre, in pixels */
    double exponent; /* of the light's fall with the distance; 1: with its square */
    int rays;
    double length[STAR_RAYS];
    double slope[STAR_RAYS]; /* how much longer the next ray is */
};

/* lengths: [rays], one round of them. */
void star_init(struct star *star, const double *lengths, int rays);
/* light: of each pixel in row y, 0 to 1; the second [width] of it is scratch space. */
void star_row(const struct star *star, int y, int width, double *light);
