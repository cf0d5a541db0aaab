/* Rows of parameter tables that several attacks share. */
#pragma once

#define PARAM_EPS(fallback, most)                                                          \
    {"eps", PARAM_REAL, fallback, 0, most, NULL, "radius of the ball, pixels in [0,1]"}
#define PARAM_EPS_LINF PARAM_EPS("8/255", 1)
#define PARAM_EPS_L2 PARAM_EPS("0.5", 1e6)
#define PARAM_EPS_L1 PARAM_EPS("12", 1e9)

#define PARAM_SOURCE                                                                       \
    {"source", PARAM_PATH, "", 0, 0, NULL,                                                 \
     "network to craft on: NAME or FILE, * for each of the run, twin; itself if not given"}, \
    {"use", PARAM_WORD, "transfer", 0, 0, "transfer every backward",                       \
     "of source: craft on it and show the last or every point; or only its backward"}

#define PARAM_KEEP                                                                         \
    {"keep", PARAM_WORD, "first", 0, 0, "first strongest",                                 \
     "stop at the first success, or go on for the largest margin"}

#define PARAM_STOP                                                                         \
    {"stop", PARAM_WORD, "never", 0, 0, "never eps",                                       \
     "never: search the smallest distance; eps: stop once within eps"}
