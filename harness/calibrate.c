#include "harness/calibrate.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

bool calibrate_needed(const struct plan *plan, const struct cell *cell)
{
    const struct model_record *record = plan->models[cell->model].record;
    const struct session_options options =
        pipeline_session(&plan->conditions.items[cell->condition], record);
    return options.precision && !strcmp(options.precision, "int8") &&
           strcmp(record->precision, "int8");
}

const struct plan_dataset *calibrate_data(const struct plan *plan, size_t model)
{
    for (size_t i = 0; i < plan->n_datasets; i++)
        if (plan->datasets[i].dataset.n_classes == plan->models[model].record->n_classes)
            return &plan->datasets[i];
    return &plan->datasets[0];
}

static float *clean_picture(const struct route *route, const struct plan_dataset *data,
                            uint32_t index)
{
    struct image image = {0};
    const char *stage;
    if (pipeline_fit(route, &data->dataset, index, &image, &stage))
        return NULL;
    float *x = mem_array(image_size(&image), sizeof *x);
    pixels_to_float(image.data, image.width, image.height, x);
    image_clear(&image);
    return x;
}

static enum status calibrate(struct plan *plan, size_t model)
{
    const struct plan_dataset *data = calibrate_data(plan, model);
    const struct condition *clean = &plan->conditions.items[0];
    float *pictures[CALIBRATION];
    size_t count = 0;
    struct route route;
    enum status st = route_plan(clean, &plan->models[model].record->preprocess, &route);
    for (size_t i = 0; !st && i < data->calibration.count && count < CALIBRATION; i++) {
        pictures[count] = clean_picture(&route, data, data->calibration.items[i]);
        count += pictures[count] != NULL;
    }
    if (!st && !count)
        st =
            status_fail(ERR_FORMAT, "no picture to calibrate with: %s", status_message());
    if (!st)
        st = model_calibrate(plan->models[model].model, (const float *const *)pictures,
                             count);
    for (size_t i = 0; i < count; i++)
        free(pictures[i]);
    return st;
}

static void fail_cells(struct plan *plan, size_t model)
{
    for (size_t i = 0; i < plan->n_cells; i++) {
        struct cell *cell = &plan->cells[i];
        if (cell->model != model || cell->state != CELL_WAITING ||
            !calibrate_needed(plan, cell))
            continue;
        cell->state = CELL_FAILED;
        cell->error = mem_copy(status_message());
    }
}

void calibrate_models(struct plan *plan)
{
    for (size_t m = 0; m < plan->n_models; m++) {
        bool needed = false;
        for (size_t i = 0; i < plan->n_cells; i++)
            needed = needed ||
                     (plan->cells[i].model == m && plan->cells[i].state == CELL_WAITING &&
                      calibrate_needed(plan, &plan->cells[i]));
        if (needed && calibrate(plan, m))
            fail_cells(plan, m);
    }
}
