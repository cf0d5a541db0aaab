#include "harness/view.h"

#include "noises/natural/perturbation.h"

static enum status decode(const struct condition *condition, const struct route *route,
                          const struct sample_data *data, struct image *out)
{
    const struct decode_options options = {
        .orient = condition->orient,
        .strict = condition->strict,
        .no_block_smoothing = condition->no_smoothing,
    };
    return data->pixels.data
               ? image_copy(&data->pixels, out)
               : image_decode(route->decoder, data->bytes, data->size, &options, out);
}

/* The picture as the condition decodes and resizes it; of a sequence without the crop. */
static enum status fit(const struct view *view, const struct condition *condition,
                       const struct sample_data *data, struct route *route,
                       struct image *out)
{
    const struct preprocess preprocess = {
        .width = view->size,
        .height = view->size,
        .resize = view->size * 8 / 7,
        .resize_rule = "short",
        .resizer = "pillow-bilinear",
        .decoder = "turbo",
    };
    const struct resize_options modes = {condition->linear_light, condition->gap};
    struct image whole = {0};
    struct geometry plan;
    *out = (struct image){0};

    enum status st = route_plan(condition, &preprocess, route);
    if (!st)
        st = decode(condition, route, data, &whole);
    if (st)
        return st;
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
                          const struct sample_data *data, struct image *frames, int *count)
{
    struct route route;
    struct image image = {0};
    const char *stage;
    enum status st = fit(view, condition, data, &route, &image);
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

enum status view_render(const struct view *view, const char *line,
                        const struct sample_data *data, struct image *frames, int *count)
{
    struct condition condition;
    *count = 0;
    enum status st = condition_parse(line, &condition);
    if (!st && condition.attack)
        st = status_fail(ERR_USAGE, "%s: an attack needs a network; see: gauntlet run",
                         condition.attack->name);
    if (!st)
        st = render(view, &condition, data, frames, count);
    condition_clear(&condition);
    return st;
}

enum status view_render_one(const struct view *view, const char *line,
                            const struct sample_data *data, struct image *out)
{
    struct image frames[PERTURBATION_MAX_FRAMES] = {{0}};
    int count;
    enum status st = view_render(view, line, data, frames, &count);
    *out = frames[0];
    for (int i = 1; i < count; i++)
        image_clear(&frames[i]);
    return st;
}
