/* gauntlet inspect MODEL: what a network is, how it wants its input, what it costs. */
#include "base/json.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/text.h"
#include "harness/command.h"
#include "harness/table.h"
#include "models/catalogue.h"
#include "models/model.h"
#include "models/onnx/onnx.h"
#include "models/runtime/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option options[] = {
    {"set", "KEY=VALUE", NULL, "change the input record, as 'resize=256'", true, NULL},
    {"layers", NULL, NULL, "one line per node too", false, NULL},
    {"json", NULL, NULL, "as JSON, layers included", false, NULL},
    {0},
};

static const struct example examples[] = {
    {"gauntlet inspect net.onnx", "record, sizes, speed and memory of each mode"},
    {"gauntlet inspect net.onnx --layers",
     "and every layer with shape, parameters and MACs"},
    {0},
};

/* How a session of this kind does on one sample. */
struct mode {
    const char *name;
    struct session_options options;
    char *error;
    double open_ms, run_ms;
    size_t bytes, shared_bytes;
};

static double median(double *values, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t k = i; k > 0 && values[k] < values[k - 1]; k--) {
            double swap = values[k];
            values[k] = values[k - 1];
            values[k - 1] = swap;
        }
    return count ? values[count / 2] : 0;
}

/* At least 5 and at most 51 samples, for about a third of a second. */
static enum status time_session(struct session *session,
                                const struct model_record *record, bool gradient,
                                double *run_ms)
{
    enum { MOST = 51 };
    size_t size =
        (size_t)record->preprocess.width * (size_t)record->preprocess.height * 3;
    float *x = mem_array(size, sizeof *x), *dx = mem_array(size, sizeof *dx);
    float *logits = mem_array((size_t)record->n_classes, sizeof *logits);
    double times[MOST], start = clock_now();
    size_t count = 0;
    enum status st = OK;
    for (size_t i = 0; i < size; i++)
        x[i] = (float)(i % 256) / 255;
    while (!st && count < MOST && (count < 5 || clock_now() - start < 0.35)) {
        double before = clock_now();
        st = session_forward(session, x, logits);
        if (!st && gradient)
            st = session_backward(session, logits, dx);
        times[count++] = 1e3 * (clock_now() - before);
    }
    *run_ms = median(times, count);
    free(x);
    free(dx);
    free(logits);
    return st;
}

static void measure(const struct model *model, struct mode *mode)
{
    struct session *session = NULL;
    double before = clock_now();
    enum status st = session_open(model, &mode->options, &session);
    mode->open_ms = 1e3 * (clock_now() - before);
    if (!st) {
        mode->bytes = session_bytes(session);
        mode->shared_bytes = session_shared_bytes(session);
        st = time_session(session, model_record(model), mode->options.gradient,
                          &mode->run_ms);
    }
    if (st)
        mode->error = mem_copy(status_message());
    session_close(session);
}

static const char *gradient_word(enum model_gradient gradient)
{
    return gradient == GRADIENT_EXACT       ? "exact"
           : gradient == GRADIENT_SURROGATE ? "surrogate"
                                            : "none";
}

static void print_record(const struct model_record *r)
{
    const struct preprocess *p = &r->preprocess;
    printf("%s%s%s\n", r->name, r->variant && *r->variant ? " " : "",
           r->variant ? r->variant : "");
    printf("  file        %s, %.2f MB, opset %d\n", r->path, (double)r->file_bytes / 1e6,
           r->opset);
    printf("  sha256      %s\n", r->file_sha);
    if (r->arch)
        printf("  arch        %s%s%s\n", r->arch, r->family && *r->family ? ", family " : "",
               r->family ? r->family : "");
    printf("  precision   %s, gradient %s%s%s%s%s\n", r->precision,
           gradient_word(r->gradient), r->twin ? ", twin " : "", r->twin ? r->twin : "",
           r->technique ? ", " : "", r->technique ? r->technique : "");
    printf("  classes     %d\n", r->n_classes);
    printf("  parameters  %" PRId64 "\n", r->params);
    printf("  MACs        %" PRId64 "\n", r->macs);
    printf("  input       %dx%d %s %s, %s", p->width, p->height, p->order, p->layout,
           p->decoder);
    if (p->resize && strcmp(p->resize_rule, "none"))
        printf(", %s %s to %d", p->resizer, p->resize_rule, p->resize);
    printf("\n              x = (u8 * %.6g - (%.6g %.6g %.6g)) / (%.6g %.6g %.6g)%s\n",
           p->scale, p->mean[0], p->mean[1], p->mean[2], p->std[0], p->std[1], p->std[2],
           p->guessed ? "   GUESSED: see 'gauntlet doctor'" : "");
}

/* What trainers and compressors noted in the file: "gauntlet.command" and the like. */
static const char *note_name(const struct graph *graph, int i)
{
    static const char prefix[] = "gauntlet.";
    const char *key = graph->metadata[i][0];
    return strncmp(key, prefix, sizeof prefix - 1) ? NULL : key + sizeof prefix - 1;
}

static void print_origin(const struct graph *graph)
{
    static const char *const keys[] = {
        "command", "seed", "epochs", "data", "data_sha256",
        "validation", "top1", "quantize_command", "calibration", NULL};
    for (int k = 0; keys[k]; k++)
        for (int i = 0; i < graph->n_metadata; i++) {
            const char *name = note_name(graph, i);
            if (name && !strcmp(name, keys[k]))
                printf("  %-11s %s\n", name, graph->metadata[i][1]);
        }
}

static void json_origin(const struct graph *graph, struct text *out)
{
    bool first = true;
    text_add(out, ",\"origin\":{");
    for (int i = 0; i < graph->n_metadata; i++) {
        const char *name = note_name(graph, i);
        if (!name)
            continue;
        text_add(out, first ? "" : ",");
        json_string(out, name);
        text_add(out, ":");
        json_string(out, graph->metadata[i][1]);
        first = false;
    }
    text_add(out, "}");
}

static void print_modes(const struct mode *modes, size_t count)
{
    static const char *const titles[] = {"MODE",       "ms/image", "images/s", "MiB/worker",
                                         "MiB shared", "open ms",  "",         NULL};
    struct libscols_table *table =
        table_new(titles, "ms/image images/s MiB/worker shared ms");
    for (size_t i = 0; i < count; i++) {
        char run[16] = "", rate[16] = "", size[16] = "", shared[16] = "", open[16] = "";
        if (!modes[i].error) {
            snprintf(run, sizeof run, "%.3f", modes[i].run_ms);
            snprintf(rate, sizeof rate, "%.0f", 1e3 / modes[i].run_ms);
            snprintf(size, sizeof size, "%.2f", (double)modes[i].bytes / 1048576);
            snprintf(shared, sizeof shared, "%.2f", (double)modes[i].shared_bytes / 1048576);
            snprintf(open, sizeof open, "%.1f", modes[i].open_ms);
        }
        const char *const values[] = {modes[i].name, run,  rate,           size,
                                      shared,        open, modes[i].error};
        table_row(table, values);
    }
    table_print(table, stdout);
}

static const char *layer_note(const struct report_layer *layer)
{
    return layer->gradient_note    ? layer->gradient_note
           : layer->stops_gradient ? "stops the gradient"
           : layer->slow           ? "no fast kernel"
                                   : NULL;
}

static void print_layers(const struct report *report)
{
    static const char *const titles[] = {"LAYER",      "OPERATOR", "KERNEL", "OUTPUT",
                                         "PARAMETERS", "MACs",     "us",     "us-back",
                                         "NOTE",       NULL};
    struct libscols_table *table = table_new(titles, "PARAMETERS MACs us us-back");
    for (int i = 0; i < report->n_layers; i++) {
        const struct report_layer *layer = &report->layers[i];
        char shape[128], params[24], macs[24], forward[24], backward[24] = "", what[64];
        snprintf(what, sizeof what, "%s%s", layer->op, layer->fused);
        snprintf(params, sizeof params, "%" PRId64, layer->params);
        snprintf(macs, sizeof macs, "%" PRId64, layer->macs);
        snprintf(forward, sizeof forward, "%.1f", layer->forward_us);
        if (layer->backward_us > 0)
            snprintf(backward, sizeof backward, "%.1f", layer->backward_us);
        const char *const values[] = {
            layer->name,      what, layer->kernel, shape_text(&layer->output, shape),
            params,           macs, forward,       backward,
            layer_note(layer)};
        table_row(table, values);
    }
    table_print(table, stdout);
}

static void json_layers(const struct report *report, struct text *out)
{
    text_add(out, ",\"layers\":[");
    for (int i = 0; i < report->n_layers; i++) {
        const struct report_layer *layer = &report->layers[i];
        char shape[128];
        text_add(out, i ? ",\n {\"name\":" : "\n {\"name\":");
        json_string(out, layer->name);
        text_addf(
            out, ",\"op\":\"%s\",\"fused\":\"%s\",\"kernel\":\"%s\",\"output\":\"%s\",",
            layer->op, layer->fused, layer->kernel, shape_text(&layer->output, shape));
        text_addf(out,
                  "\"params\":%" PRId64 ",\"macs\":%" PRId64 ",\"output_bytes\":%" PRId64
                  ",\"forward_us\":%.2f,\"backward_us\":%.2f,\"slow\":%s,\"note\":",
                  layer->params, layer->macs, layer->output_bytes, layer->forward_us,
                  layer->backward_us, layer->slow ? "true" : "false");
        json_string(out, layer_note(layer));
        text_add(out, "}");
    }
    text_add(out, "]");
}

static void print_json(const struct model *model, const struct report *report,
                       const struct mode *modes, size_t count)
{
    const struct model_record *r = model_record(model);
    char *preprocess = model_preprocess_json(model);
    struct text out = {0};
    text_add(&out, "{\"name\":");
    json_string(&out, r->name);
    text_add(&out, ",\"arch\":");
    json_string(&out, r->arch);
    text_addf(&out, ",\"precision\":\"%s\",\"gradient\":\"%s\",\"twin\":", r->precision,
              gradient_word(r->gradient));
    json_string(&out, r->twin);
    text_addf(
        &out,
        ",\"classes\":%d,\"params\":%" PRId64 ",\"macs\":%" PRId64 ",\"bytes\":%" PRId64
        ",\"opset\":%d,\"sha256\":\"%s\",\"guessed\":%s,\"preprocess\":%s,\"modes\":[",
        r->n_classes, r->params, r->macs, r->file_bytes, r->opset, r->file_sha,
        r->preprocess.guessed ? "true" : "false", preprocess);
    for (size_t i = 0; i < count; i++) {
        text_addf(
            &out,
            "%s{\"mode\":\"%s\",\"ms\":%.4f,\"bytes\":%zu,\"shared_bytes\":%zu,"
            "\"open_ms\":%.2f,\"error\":",
            i ? "," : "", modes[i].name, modes[i].run_ms, modes[i].bytes,
            modes[i].shared_bytes, modes[i].open_ms);
        json_string(&out, modes[i].error);
        text_add(&out, "}");
    }
    text_add(&out, "]");
    json_origin(model_graph(model), &out);
    json_layers(report, &out);
    text_add(&out, "}\n");
    fputs(out.data, stdout);
    text_clear(&out);
    free(preprocess);
}

/* For time and memory of int8 any picture will do. */
static enum status made_up_ranges(struct model *model)
{
    const struct preprocess *p = &model_record(model)->preprocess;
    size_t size = (size_t)p->width * (size_t)p->height * 3;
    float *x = mem_array(size, sizeof *x);
    for (size_t i = 0; i < size; i++)
        x[i] = (float)(i % 256) / 255;
    const float *pictures[] = {x};
    enum status st = model_calibrate(model, pictures, 1);
    free(x);
    return st;
}

static enum status inspect(const struct arguments *arguments, struct model *model)
{
    struct mode modes[] = {
        {.name = "forward"},
        {.name = "forward+gradient", .options = {.gradient = true}},
        {.name = "bf16", .options = {.precision = "bf16"}},
        {.name = "bf16-native", .options = {.precision = "bf16-native"}},
        {.name = "int8", .options = {.precision = "int8"}},
    };
    enum { MODES = sizeof modes / sizeof *modes };
    bool as_json = option_given(arguments, "json");
    struct report report;
    const struct session_options plain = {0};
    enum status st = made_up_ranges(model);
    for (size_t i = 0; !st && i < MODES; i++)
        measure(model, &modes[i]);
    if (!st)
        st = model_report(model, &plain, 0.5, &report);
    if (st)
        return st;
    if (as_json) {
        print_json(model, &report, modes, MODES);
    } else {
        print_record(model_record(model));
        print_origin(model_graph(model));
        print_modes(modes, MODES);
        printf("kernels for %s; %d of %d layers have no fast kernel\n", report.isa,
               report.n_slow, report.n_layers);
        if (option_given(arguments, "layers"))
            print_layers(&report);
    }
    for (size_t i = 0; i < MODES; i++)
        free(modes[i].error);
    report_clear(&report);
    return OK;
}

static void print_gaps(const struct onnx_gap *gaps, int count)
{
    static const char *const titles[] = {"PLACE", "NODE", "OPERATOR", "OPSET", "WHY", NULL};
    struct libscols_table *table = table_new(titles, "PLACE OPSET");
    for (int i = 0; i < count; i++) {
        char place[16], opset[16];
        snprintf(place, sizeof place, "%d", gaps[i].place);
        snprintf(opset, sizeof opset, "%d", gaps[i].opset);
        const char *const values[] = {place, gaps[i].node, gaps[i].op, opset, gaps[i].why};
        table_row(table, values);
    }
    table_print(table, stdout);
}

static void print_gaps_json(const struct onnx_gap *gaps, int count)
{
    struct text out = {0};
    text_add(&out, "{\"unsupported\":[");
    for (int i = 0; i < count; i++) {
        text_addf(&out, "%s\n {\"place\":%d,\"opset\":%d,\"node\":", i ? "," : "",
                  gaps[i].place, gaps[i].opset);
        json_string(&out, gaps[i].node);
        text_add(&out, ",\"op\":");
        json_string(&out, gaps[i].op);
        text_add(&out, ",\"why\":");
        json_string(&out, gaps[i].why);
        text_add(&out, "}");
    }
    text_add(&out, "]}\n");
    fputs(out.data, stdout);
    text_clear(&out);
}

/* Of a network that does not open: all that is missing, not only the first. */
static enum exit_code fail(const struct arguments *arguments, const char *path,
                           enum status failed)
{
    struct onnx_gap *gaps;
    int count;
    char *message = mem_copy(status_message());
    if (failed == ERR_UNSUPPORTED && path && !onnx_gaps(path, &gaps, &count) && count) {
        if (option_given(arguments, "json"))
            print_gaps_json(gaps, count);
        else
            print_gaps(gaps, count);
        onnx_gaps_clear(gaps, count);
        status_fail(failed, "%s: %d node%s of it cannot run here", path, count,
                    count > 1 ? "s" : "");
    } else {
        status_fail(failed, "%s", message);
    }
    free(message);
    return command_fail(arguments, failed);
}

static enum exit_code run(const struct arguments *arguments)
{
    const char *set[64] = {NULL};
    for (size_t i = 0; i < 63 && option_nth(arguments, "set", i); i++)
        set[i] = option_nth(arguments, "set", i);
    struct model *model = NULL;
    char *path = NULL;
    enum status st = catalogue_find(arguments->operands[0], &path);
    if (!st)
        st = model_open(path, set, &model);
    if (!st)
        st = inspect(arguments, model);
    enum exit_code code = st ? fail(arguments, path, st) : EXIT_DONE;
    model_close(model);
    free(path);
    return code;
}

const struct command command_inspect = {
    .name = "inspect",
    .summary = "layers, sizes, input record, speed and memory of a network",
    .operands = "MODEL",
    .min_operands = 1,
    .max_operands = 1,
    .about =
        "Reads a network and says what it is: its record (precision, twin, how it wants "
        "its "
        "input), parameters, multiply-adds, and what one sample costs in each mode on "
        "one "
        "thread of this machine. Of a network that cannot run, all nodes that are not "
        "supported are listed with operator, opset and reason. Workers take one sample each, "
        "on one thread: tests/bench/engine compares that with plans for whole batches.",
    .options = options,
    .examples = examples,
    .run = run,
};
