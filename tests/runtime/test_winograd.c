/* Winograd's products beside the plain sum in double, for shapes that do not fill tiles. */
#include "tests/test.h"

#include "base/mem.h"
#include "base/rng.h"
#include "models/runtime/winograd.h"

#include <math.h>

enum { GUARD = 64 };
static const float MARK = 12345.0f;

struct trial {
    struct winograd w;
    float *x, *kernels, *bias, *residual, *y;
    int64_t count;           /* of y */
};

/* Element (n, c, y, x) of a tensor in blocks of sixteen channels. */
static int64_t place(int64_t padded, int64_t H, int64_t W, int64_t n, int64_t c, int64_t y,
                     int64_t x)
{
    return (((n * (padded / 16) + c / 16) * H + y) * W + x) * 16 + c % 16;
}

static float *blocked(struct rng *rng, int64_t N, int64_t C, int64_t padded, int64_t H, int64_t W)
{
    float *data = mem_array((size_t)(N * padded * H * W), sizeof *data);
    for (int64_t n = 0; n < N; n++)
        for (int64_t c = 0; c < C; c++)
            for (int64_t i = 0; i < H * W; i++)
                data[place(padded, H, W, n, c, i / W, i % W)] = (float)rng_uniform(rng) * 2 - 1;
    return data;
}

static double expected(const struct trial *t, bool turned, int64_t n, int64_t o, int64_t y,
                       int64_t x)
{
    const struct winograd *w = &t->w;
    double sum = (double)t->bias[o];
    if (t->residual)
        sum += (double)t->residual[place(w->padded_O, w->OH, w->OW, n, o, y, x)];
    for (int64_t c = 0; c < w->C; c++)
        for (int64_t k = 0; k < 9; k++) {
            int64_t iy = y + k / 3 - w->top, ix = x + k % 3 - w->left;
            if (iy < 0 || ix < 0 || iy >= w->H || ix >= w->W)
                continue;
            float g = turned ? t->kernels[(c * w->O + o) * 9 + 8 - k]
                             : t->kernels[(o * w->C + c) * 9 + k];
            sum += (double)t->x[place(w->padded_C, w->H, w->W, n, c, iy, ix)] * (double)g;
        }
    return fmin(fmax(sum, (double)w->low), (double)w->high);
}

static void compare(const struct trial *t, bool turned)
{
    const struct winograd *w = &t->w;
    double worst = 0;
    for (int64_t n = 0; n < w->N; n++)
        for (int64_t o = 0; o < w->padded_O; o++)
            for (int64_t i = 0; i < w->OH * w->OW; i++) {
                double got = (double)t->y[place(w->padded_O, w->OH, w->OW, n, o, i / w->OW,
                                                i % w->OW)];
                double want = o < w->O ? expected(t, turned, n, o, i / w->OW, i % w->OW) : 0;
                worst = fmax(worst, fabs(got - want));
            }
    /* Terms are of the order of one: roundings grow as the root of their number. */
    assert_true(worst < 4e-6 * sqrt((double)w->C * 9));
    for (int i = 0; i < GUARD; i++)
        assert_float_equal(t->y[t->count + i], MARK, 0);
}

static void try(struct winograd sizes, bool turned, bool residual)
{
    struct trial t = {.w = sizes};
    struct winograd *w = &t.w;
    struct rng rng;
    rng_open(&rng, 1, "winograd", "test", (uint64_t)(sizes.C * 1000 + sizes.OH));
    winograd_prepare(w);
    t.count = w->N * w->padded_O * w->OH * w->OW;
    t.x = blocked(&rng, w->N, w->C, w->padded_C, w->H, w->W);
    t.residual = residual ? blocked(&rng, w->N, w->O, w->padded_O, w->OH, w->OW) : NULL;
    t.kernels = mem_array((size_t)(w->O * w->C * 9), sizeof *t.kernels);
    t.bias = mem_array((size_t)w->padded_O, sizeof *t.bias);
    t.y = mem_array((size_t)t.count + GUARD, sizeof *t.y);
    for (int64_t i = 0; i < w->O * w->C * 9; i++)
        t.kernels[i] = (float)rng_uniform(&rng) * 2 - 1;
    for (int64_t i = 0; i < w->O; i++)
        t.bias[i] = (float)rng_uniform(&rng);
    for (int i = 0; i < GUARD; i++)
        t.y[t.count + i] = MARK;
    float *weights = mem_array(w->weight_floats, sizeof *weights);
    void *scratch = mem_array(w->scratch_bytes, 1);
    winograd_weights(w, t.kernels, turned, weights);
    winograd_run(w, t.x, weights, t.bias, t.residual, t.y, scratch);
    compare(&t, turned);
    free(scratch);
    free(weights);
    free(t.x);
    free(t.residual);
    free(t.kernels);
    free(t.bias);
    free(t.y);
}

/* dw[o][c][k] = sum over n and places of dy[n][o][i] x[n][c][i + k - pad]. */
static void try_gradient(struct winograd w)
{
    struct rng rng;
    rng_open(&rng, 2, "winograd", "test", (uint64_t)(w.C * 1000 + w.OH));
    w.gradient = true;
    winograd_prepare(&w);
    float *x = blocked(&rng, w.N, w.C, w.padded_C, w.H, w.W);
    float *dy = blocked(&rng, w.N, w.O, w.padded_O, w.OH, w.OW);
    int64_t count = w.O * w.C * 9;
    float *dw = mem_array((size_t)count + GUARD, sizeof *dw);
    for (int i = 0; i < GUARD; i++)
        dw[count + i] = MARK;
    void *scratch = mem_array(w.scratch_bytes, 1);
    winograd_gradient(&w, x, dy, dw, scratch);
    double worst = 0;
    for (int64_t at = 0; at < count; at += at % 7 + 1) {
        int64_t o = at / 9 / w.C, c = at / 9 % w.C, k = at % 9;
        double sum = 0;
        for (int64_t n = 0; n < w.N; n++)
            for (int64_t i = 0; i < w.OH * w.OW; i++) {
                int64_t y = i / w.OW + k / 3 - w.top, column = i % w.OW + k % 3 - w.left;
                if (y < 0 || column < 0 || y >= w.H || column >= w.W)
                    continue;
                sum += (double)dy[place(w.padded_O, w.OH, w.OW, n, o, i / w.OW, i % w.OW)] *
                       (double)x[place(w.padded_C, w.H, w.W, n, c, y, column)];
            }
        worst = fmax(worst, fabs((double)dw[at] - sum));
    }
    assert_true(worst < 4e-6 * sqrt((double)(w.N * w.OH * w.OW) + 9));
    for (int i = 0; i < GUARD; i++)
        assert_float_equal(dw[count + i], MARK, 0);
    free(scratch);
    free(dw);
    free(dy);
    free(x);
}

static void test_shapes(void **state)
{
    (void)state;
    /* N C H W, O OH OW, top left */
    static const int64_t shapes[][9] = {
        {1, 16, 8, 8, 16, 8, 8, 1, 1},     {2, 16, 9, 7, 32, 9, 7, 1, 1},
        {1, 20, 5, 6, 40, 3, 4, 0, 0},     {3, 48, 6, 6, 17, 8, 8, 2, 2},
        {1, 33, 13, 1, 64, 13, 1, 1, 1},   {1, 64, 4, 18, 100, 4, 17, 1, 0},
        {1, 160, 10, 10, 80, 10, 10, 1, 1}, {5, 16, 1, 1, 16, 1, 1, 1, 1},
    };
    if (!winograd_can()) {
        print_message("# skipped: this CPU has no AVX-512\n");
        return;
    }
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const int64_t *s = shapes[i];
        struct winograd w = {.N = s[0], .C = s[1], .H = s[2], .W = s[3], .O = s[4],
                             .OH = s[5], .OW = s[6], .top = s[7], .left = s[8],
                             .low = -INFINITY, .high = INFINITY};
        try(w, false, false);
        try(w, true, true);
        try_gradient(w);
        w.low = 0;
        w.high = 6;
        try(w, i % 2 == 0, true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
    };
    return cmocka_run_group_tests_name("winograd", tests, NULL, NULL);
}
