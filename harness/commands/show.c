/* gauntlet show: what a condition does to a picture, or all natural noises do, or what a
 * dataset looks like. */
#include "base/file.h"
#include "base/mem.h"
#include "harness/command.h"
#include "harness/sheet.h"
#include "harness/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct option options[] = {
    {"noise", "LINE", NULL,
     "the condition, as 'gaussian_noise:3' or 'decode=stb fog:2'; of a sequence, as "
     "'rotate-p', all frames",
     false, "noises"},
    {"all", NULL, NULL, "a sheet of all natural noises at all severities", false, NULL},
    {"samples", "N", NULL, "a sheet of N samples of each class; IMAGE is a dataset", false,
     NULL},
    {"output", "FILE", NULL, "PNG, or JPEG by its name, to write (-o FILE)", false,
     "files"},
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
    {"gauntlet show synthetic:1:100 --samples 8 --size 48 -o sheet.jpg",
     "what a dataset looks like"},
    {0},
};

/* The picture in the file, through the line: one picture, or frames. */
static enum status render(const struct view *view, const char *line, struct image *frames,
                          int *count)
{
    struct mapping file = {0};
    *count = 0;
    enum status st = file_map(view->path, &file);
    if (st)
        return st;
    st = view_render(view, line, &(struct sample_data){file.data, file.size, {0}, NULL},
                     frames, count);
    file_unmap(&file);
    return st == ERR_USAGE ? st : status_wrap(st, "%s", view->path); /* the line's fault */
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
        st = picture_write(output, &sheet.image);
    sheet_clear(&sheet);
    return st;
}

static enum status show_line(const struct view *view, const char *line, const char *output)
{
    struct image frames[PERTURBATION_MAX_FRAMES] = {{0}};
    int count;
    enum status st = render(view, line, frames, &count);
    if (!st)
        st = count == 1 ? picture_write(output, &frames[0]) : put_frames(frames, count, output);
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
        st = render(view, line, &image, &count);
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
    enum status st = render(view, "clean", &clean, &count);
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
        st = picture_write(output, &sheet.image);
    if (!st)
        printf("%s: %d noises, %d x %d\n", output, rows, sheet.image.width,
               sheet.image.height);
    sheet_clear(&sheet);
    image_clear(&clean);
    return st;
}

static enum status left_out(const char *key)
{
    fprintf(stderr, "left out: %s: %s\n", key, status_message());
    return OK;
}

/* Classes down, the first samples of each that can be read across. */
static enum status put_samples(const struct view *view, const char *line, int per_class,
                               const struct dataset *dataset, struct sheet *sheet)
{
    int *filled = mem_array((size_t)dataset->n_classes, sizeof *filled);
    enum status st = OK;
    for (int row = 0; row < dataset->n_classes; row++)
        sheet_name_row(sheet, row, dataset->class_names[row]);
    for (size_t i = 0; i < dataset->count && !st; i++) {
        struct sample_data data = {0};
        struct image image = {0};
        int row = dataset->samples[i].label;
        if (filled[row] == per_class)
            continue;
        st = dataset_load(dataset, i, &data);
        if (!st)
            st = view_render_one(view, line, &data, &image);
        if (!st)
            sheet_put(sheet, filled[row]++, row, &image);
        else if (st != ERR_USAGE && st != ERR_NOMEM) /* the next picture takes its place */
            st = left_out(dataset->samples[i].key);
        image_clear(&image);
        sample_data_clear(&data);
    }
    free(filled);
    return st;
}

static enum status show_samples(const struct view *view, const char *line, int per_class,
                                const char *output)
{
    struct dataset dataset;
    struct sheet sheet = {0};
    size_t longest = 0;
    if (!view->size)
        return status_fail(ERR_USAGE, "--samples needs a --size above 0");
    enum status st = dataset_open(view->path, NULL, &dataset);
    if (st)
        return st;
    for (int i = 0; i < dataset.n_classes; i++)
        if (strlen(dataset.class_names[i]) > longest)
            longest = strlen(dataset.class_names[i]);
    st = sheet_init(&sheet, per_class, dataset.n_classes, view->size, view->size,
                    (int)longest);
    if (!st)
        st = put_samples(view, line, per_class, &dataset, &sheet);
    if (!st)
        st = picture_write(output, &sheet.image);
    if (!st)
        printf("%s: %d classes of %s, %d x %d\n", output, dataset.n_classes, dataset.name,
               sheet.image.width, sheet.image.height);
    sheet_clear(&sheet);
    dataset_close(&dataset);
    return st;
}

static bool is_folder(const char *path)
{
    struct stat about;
    return !stat(path, &about) && S_ISDIR(about.st_mode);
}

static enum exit_code run(const struct arguments *arguments)
{
    int64_t size, seed;
    const char *output = option_value(arguments, "output");
    const char *line = option_value(arguments, "noise");
    bool all = option_given(arguments, "all"),
         samples = option_given(arguments, "samples");
    int64_t per_class = 0;
    enum status st = option_integer(arguments, "size", 0, 4096, &size);
    if (!st)
        st = option_integer(arguments, "seed", 0, INT64_MAX, &seed);
    if (!st && !output)
        st = status_fail(ERR_USAGE, "where to? add -o FILE.png");
    if (!st && samples)
        st = option_integer(arguments, "samples", 1, 1000, &per_class);
    if (!st && all + (line || samples) != 1)
        st = status_fail(ERR_USAGE, "what? --noise LINE, --samples N, or --all");
    if (!st && !samples && is_folder(arguments->operands[0]))
        st = status_fail(ERR_USAGE, "%s is a folder: --samples N shows some of each class",
                         arguments->operands[0]);
    if (st)
        return command_fail(arguments, st);
    struct view view = {arguments->operands[0], (int)size, (uint64_t)seed};
    st = all       ? show_all(&view, output)
         : samples ? show_samples(&view, line ? line : "clean", (int)per_class, output)
                   : show_line(&view, line, output);
    return st ? command_fail(arguments, st) : EXIT_DONE;
}

const struct command command_show = {
    .name = "show",
    .summary = "write a picture as a condition changes it, or a contact sheet",
    .operands = "IMAGE|DATASET",
    .min_operands = 1,
    .max_operands = 1,
    .about = "Decodes, resizes and corrupts one picture as `run` would, and writes what "
             "the network would see. With --all, a contact sheet: noises down, "
             "severities across. With --samples, one of a dataset: classes down. Sheets "
             "enlarge pictures below 96 pixels.",
    .options = options,
    .examples = examples,
    .run = run,
};
