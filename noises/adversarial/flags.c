#include "noises/adversarial/protocol.h"

#include <math.h>
#include <string.h>

static bool broken_by(const struct attack_result *result, const char *prefix)
{
    return result->broken && result->broken_by &&
           !strncmp(result->broken_by, prefix, strlen(prefix));
}

void flags_add(struct flag_sums *sums, const struct attack_result *result)
{
    const struct preflight *preflight = &result->preflight;
    sums->n++;
    sums->zero += result->zero_gradient;
    sums->budget += result->budget_violated;
    sums->square += broken_by(result, "square") || broken_by(result, "spsa");
    sums->transfer += broken_by(result, "transfer/");
    sums->random += broken_by(result, "uniform");
    sums->longer += broken_by(result, "longer/");
    sums->unbounded += result->survives_all;
    if (result->steps_done)
        sums->steps = sums->protocols++ ? sums->steps & result->steps_done
                                        : result->steps_done;
    if (!preflight->done)
        return;
    sums->preflights++;
    sums->saturated += preflight->saturated;
    sums->softmax += preflight->softmax;
    sums->zero_ce += preflight->zero_ce;
    sums->zero_margin += preflight->zero_margin;
    sums->zero_dlr += preflight->zero_dlr;
    sums->fidelity += (double)preflight->fidelity;
    sums->change = fmax(sums->change, (double)preflight->change);
}

struct list {
    struct flag *out;
    size_t count;
};

static void raise(struct list *list, bool when, const char *code, double value, bool serious,
                  const char *message)
{
    if (when)
        list->out[list->count++] = (struct flag){code, message, value, serious};
}

/* Steps of a fixed length that cannot cross the ball. */
static bool too_short(const struct attack *attack, const struct params *params)
{
    if (!params || !params_has(params, "alpha") || params_real(params, "alpha") <= 0 ||
        params_int(params, "steps") <= 0 || attack->norm == NORM_L1)
        return false;
    return params_real(params, "alpha") * params_int(params, "steps") <
           2 * params_real(params, "eps") * (1 - 1e-9);
}

static bool is_missing(const struct flag_sums *sums, enum protocol_step step)
{
    return sums->protocols && !(sums->steps >> step & 1);
}

static int count_missing(const struct flag_sums *sums)
{
    int count = 0;
    for (int i = 0; i < PROTOCOL_STEPS; i++)
        count += is_missing(sums, (enum protocol_step)i);
    return count;
}

/* The steps need a gradient of the network's own, or another network's, or both. */
static const char *why_missing(const struct flag_sums *sums)
{
    bool own = is_missing(sums, STEP_SURROGATE), twin = is_missing(sums, STEP_TWIN);
    return own && twin ? "steps not taken: surrogate, twin, transfer (no gradient, no source=)"
           : own       ? "step not taken: surrogate (the network has no gradient)"
                       : "steps not taken: twin, transfer (no source=)";
}

size_t flags_list(const struct flag_sums *sums, size_t count, const struct attack *attack,
                  const struct params *params, int n_classes, struct flag out[FLAGS_MAX])
{
    struct list list = {out, 0};
    double n = (double)(sums->n ? sums->n : 1), flown = (double)sums->preflights;
    double points = 100.0 / (double)(count ? count : 1), zero = (double)sums->zero / n;
    double square = (double)sums->square * points, transfer = (double)sums->transfer * points;
    double random = (double)sums->random * points, longer = (double)sums->longer * points;
    double unbounded = (double)sums->unbounded / n;
    bool ensemble = !strncmp(attack->name, "autoattack", 10) ||
                    !strncmp(attack->name, "ndg1", 4);
    double fidelity = flown > 0 ? sums->fidelity / flown : 1;
    double saturated = flown > 0 ? (double)sums->saturated / flown : 0;
    double softmax = flown > 0 ? (double)sums->softmax / flown : 0;

    raise(&list, zero > 0.01, "ZERO_GRAD", zero, true,
          "share of samples with a zero gradient at the start");
    raise(&list, saturated > 0.5, "SATURATED", saturated, true,
          "share of samples with a probability of 1 in float");
    raise(&list, fidelity < 0.75, "LOW_FIDELITY", fidelity, true,
          "directions in which gradient and finite difference agree; 0.5 is useless");
    raise(&list, ensemble && square > 0.2, "SQUARE_WINS", square, true,
          "points taken by random search alone; consider depth=thorough");
    raise(&list, transfer > 0.2, "TRANSFER_WINS", transfer, true,
          "points taken by transfer alone; consider depth=thorough");
    raise(&list, ensemble && random > 0.2, "RANDOM_WINS", random, true,
          "points taken by uniform noise alone");
    raise(&list, longer > 1, "NOT_CONVERGED", longer, true,
          "points taken by twice the steps alone");
    raise(&list, sums->protocols && unbounded * n_classes > 1, "UNBOUNDED_SURVIVES",
          unbounded, true, "share of samples that a ball of radius 1 did not break");
    raise(&list, count_missing(sums) > 0, "MISSING_STEPS", count_missing(sums), true,
          why_missing(sums));
    raise(&list, sums->change > 1e-4, "STOCHASTIC", sums->change, true,
          "largest change of a logit between two forwards");
    raise(&list, softmax > 0.99, "SOFTMAX_OUT", softmax, true,
          "outputs are probabilities: losses on them saturate");
    raise(&list, n_classes < 4 && ensemble, "FEW_CLASSES", n_classes, false,
          "the margin stood in for the ratio of logits");
    raise(&list, too_short(attack, params), "SHORT",
          params ? params_real(params, "eps") : 0, true, "alpha steps < 2 eps");
    raise(&list, sums->budget > 0, "BUDGET", (double)sums->budget, true,
          "misclassified points outside the ball: not counted");
    return list.count;
}

size_t preflight_list(const struct flag_sums *sums, struct finding out[PREFLIGHT_FINDINGS])
{
    static const char *const steps[PROTOCOL_STEPS] = {
        "step_preflight", "step_surrogate", "step_twin",
        "step_transfer",  "step_blackbox",  "step_checks",
    };
    double n = (double)sums->preflights;
    if (!sums->preflights)
        return 0;
    const struct finding found[] = {
        {"gradient_fidelity", sums->fidelity / n},
        {"change", sums->change},
        {"zero_gradient_ce", (double)sums->zero_ce / n},
        {"zero_gradient_margin", (double)sums->zero_margin / n},
        {"zero_gradient_dlr", (double)sums->zero_dlr / n},
        {"saturated", (double)sums->saturated / n},
        {"softmax", (double)sums->softmax / n},
    };
    size_t count = sizeof found / sizeof *found;
    memcpy(out, found, sizeof found);
    for (int i = 0; i < PROTOCOL_STEPS; i++)
        out[count++] = (struct finding){steps[i], sums->steps >> i & 1};
    return count;
}
