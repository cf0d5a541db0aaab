/* gauntlet show IMAGE: what a condition does to a picture, or all natural noises do. */
#include "base/file.h"
#include "base/mem.h"
#include "harness/command.h"
#include "harness/pipeline.h"
#include "harness/sheet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option options[] = {
    {"noise", "LINE", NULL,
     "the condition, as 'gaussian_noise:3' or 'decode=stb fog:2'; of a sequence, as "
     "'rotate-p', all frames",
     false, "noises"},
    {"all", NULL, NULL, "a sheet of all natural noises at all severities", false, NULL},
    {"output", "FILE", NULL, "PNG to write (-o FILE)", false, "files"},
    {"size", "N", "224",
     "short side to N 8/7, middle N x N; 0: the picture as it is; smaller pictures too",
     false, NULL},
    {"seed", "N", "0", "of the noise", false, NULL},
    {0},
};

static const struct example examples[] = {
    {"gauntlet show cat.jpg --noise gaussian_noise:3 -o out.png",
     "the picture as the network sees it"},
    {"gauntlet show cat.jpg --noise 'decode=turbo-ifast + fog:2 store=jpeg85' -o out.png",
     "a chain, as in suites"},
    {"gauntlet show cat.jpg --all -o sheet.png", "the contact sheet"},
    {"gauntlet show cat.jpg --noise tilt-p -o frames.png", "a perturbation sequence"},
    {0},
};

struct view {
    const char *path;
    int size;
    uint64_t seed;
};

/* The picture as the condition decodes and resizes it; of a sequence without the crop. */
static enum status load(const struct view *view, const struct condition *condition,
                        struct route *route, struct image *out)
{
    struct preprocess preprocess = {
        .width = view->size,
        .height = view->size,
        .resize = view->size * 8 / 7,
        .resize_rule = "short",
        .resizer = "pillow-bilinear",
        .decoder = "turbo",
    };
    const struct decode_options decoding = {
        .orient = condition->orient,
        .strict = condition->strict,
        .no_block_smoothing = condition->no_smoothing,
    };
    const struct resize_options modes = {condition->linear_light, condition->gap};
    struct image whole = {0};
    struct mapping file = {0};
    struct geometry plan;
    *out = (struct image){0};

    enum status st = route_plan(condition, &preprocess, route);
    if (!st)
        st = file_map(view->path, &file);
    if (st)
        return st;
    st = image_decode(route->decoder, file.data, file.size, &decoding, &whole);
    file_unmap(&file);
    if (st)
        return status_wrap(st, "%s", view->path);
    if (!view->size || (whole.width < view->size && whole.height < view->size)) {
        route->rule.width = whole.width;
        route->rule.height = whole.height;
        *out = whole;
        return OK;
    }
    st = geometry_plan(whole.width, whole.height, &route->rule, &plan);
    if (!st && condition->sequence)
        plan.window = (struct rect){0, 0, plan.width, plan.height};
    if (!st)
        st = image_fit(&whole, &plan, route->resizer, &modes, out);
    image_clear(&whole);
    return st;
}

/* One condition from the file to the network's door: a picture, or frames. */
static enum status render(const struct view *view, const struct condition *condition,
                          struct image *frames, int *count)
{
    struct route route;
    struct image image = {0};
    const char *stage;
    *count = 0;
    enum status st = load(view, condition, &route, &image);
    if (!st && condition->sequence) {
        st = pipeline_frames(&route, "show", view->seed, &image, frames, count, &stage);
    } else if (!st) {
        st = pipeline_corrupt(&route, "show", view->seed, &image, &stage);
        if (!st) {
            frames[(*count)++] = image;
            return OK;
        }
    }
    image_clear(&image);
    return st;
}

static enum status render_line(const struct view *view, const char *line,
                               struct image *frames, int *count)
{
    struct condition condition;
    *count = 0;
    enum status st = condition_parse(line, &condition);
    if (!st && condition.attack)
        st = status_fail(ERR_USAGE, "%s: an attack needs a network; see: gauntlet run",
                         condition.attack->name);
    if (!st)
        st = render(view, &condition, frames, count);
    condition_clear(&condition);
    return st;
}

/* The frames of a sequence, eight in a row. */
static enum status put_frames(const struct image *frames, int count, const char *output)
{
    enum { COLUMNS = 8 };
    struct sheet sheet = {0};
    enum status st = sheet_init(&sheet, COLUMNS, (count + COLUMNS - 1) / COLUMNS,
                                frames[0].width, frames[0].height, 2);
    for (int i = 0; !st && i < count; i++) {
        char *number = mem_format("%d", i - i % COLUMNS);
        if (i % COLUMNS == 0)
            sheet_name_row(&sheet, i / COLUMNS, number);
        sheet_put(&sheet, i % COLUMNS, i / COLUMNS, &frames[i]);
        free(number);
    }
    if (!st)
        st = png_write(output, &sheet.image);
    sheet_clear(&sheet);
    return st;
}

static enum status show_line(const struct view *view, const char *line, const char *output)
{
    struct image frames[PERTURBATION_MAX_FRAMES] = {{0}};
    int count;
    enum status st = render_line(view, line, frames, &count);
    if (!st)
        st = count == 1 ? png_write(output, &frames[0]) : put_frames(frames, count, output);
    if (!st && count > 1)
        printf("%s: %s, %d frames of %d x %d\n", output, line, count, frames[0].width,
               frames[0].height);
    else if (!st)
        printf("%s: %s, %d x %d\n", output, line, frames[0].width, frames[0].height);
    for (int i = 0; i < count; i++)
        image_clear(&frames[i]);
    return st;
}

static enum status fill_row(const struct view *view, const struct natural *noise, int row,
                            struct sheet *sheet)
{
    enum status st = OK;
    sheet_name_row(sheet, row, noise->name);
    for (int severity = 1; !st && severity <= noise->severities; severity++) {
        struct image image = {0};
        int count;
        char *line = noise->severities > 1 ? mem_format("%s:%d", noise->name, severity)
                                           : mem_copy(noise->name);
        st = render_line(view, line, &image, &count);
        if (!st)
            sheet_put(sheet, severity, row, &image);
        image_clear(&image);
        free(line);
    }
    return st;
}

/* Noises down, severities across, the clean picture first in each row. */
static enum status show_all(const struct view *view, const char *output)
{
    enum { COLUMNS = 6 };
    struct image clean = {0};
    struct sheet sheet = {0};
    int rows = 0, count;
    size_t longest = 0;
    for (; natural_registry[rows]; rows++)
        if (strlen(natural_registry[rows]->name) > longest)
            longest = strlen(natural_registry[rows]->name);
    enum status st = render_line(view, "clean", &clean, &count);
    if (!st)
        st = sheet_init(&sheet, COLUMNS, rows, clean.width, clean.height, (int)longest);
    if (!st)
        sheet_name_column(&sheet, 0, "clean");
    for (int severity = 1; !st && severity < COLUMNS; severity++)
        sheet_name_column(&sheet, severity, (char[2]){(char)('0' + severity), 0});
    for (int row = 0; !st && row < rows; row++) {
        sheet_put(&sheet, 0, row, &clean);
        st = fill_row(view, natural_registry[row], row, &sheet);
    }
    if (!st)
        st = png_write(output, &sheet.image);
    if (!st)
        printf("%s: %d noises, %d x %d\n", output, rows, sheet.image.width,
               sheet.image.height);
    sheet_clear(&sheet);
    image_clear(&clean);
    return st;
}

static enum exit_code run(const struct arguments *arguments)
{
    int64_t size, seed;
    const char *output = option_value(arguments, "output");
    const char *line = option_value(arguments, "noise");
    bool all = option_given(arguments, "all");
    enum status st = option_integer(arguments, "size", 0, 4096, &size);
    if (!st)
        st = option_integer(arguments, "seed", 0, INT64_MAX, &seed);
    if (!st && !output)
        st = status_fail(ERR_USAGE, "where to? add -o FILE.png");
    if (!st && all == (line != NULL))
        st = status_fail(ERR_USAGE, "what? one of --noise LINE and --all");
    if (st)
        return command_fail(arguments, st);
    struct view view = {arguments->operands[0], (int)size, (uint64_t)seed};
    st = all ? show_all(&view, output) : show_line(&view, line, output);
    return st ? command_fail(arguments, st) : EXIT_DONE;
}

const struct command command_show = {
    .name = "show",
    .summary = "write a picture as a condition changes it, or a sheet of all noises",
    .operands = "IMAGE",
    .min_operands = 1,
    .max_operands = 1,
    .about = "Decodes, resizes and corrupts one picture as `run` would, and writes what "
             "the network would see. With --all, a contact sheet: noises down, "
             "severities across.",
    .options = options,
    .examples = examples,
    .run = run,
};
