/*
 * What attacks maximise: functions of the logits z, with y the true class and, in the
 * targeted forms, t the wanted one.
 *
 *     LOSS_CE      log sum_{i≠y} exp z_i − z_y        targeted: z_t − log sum_{i≠t} exp z_i
 *     LOSS_MARGIN  max_{i≠y} z_i − z_y                targeted: z_t − max_{i≠t} z_i
 *     LOSS_DLR     −(z_y − max_{i≠y} z_i)/(z_1 − z_3) targeted: −(z_y − z_t)/(z_1 − (z_3+z_4)/2)
 *
 * z_1 ≥ z_2 ≥ ... sorted. LOSS_CE is a strictly increasing function of cross-entropy whose
 * logit gradient is a positive multiple of cross-entropy's: signs, directions and order of
 * losses are the same, but it never saturates, where float cross-entropy loses its y
 * component at a lead of 17 nats and everything at about 100.
 *
 * Sources: DLR arXiv:2003.01690; margin arXiv:1608.04644.
 */
#pragma once

enum loss_kind { LOSS_CE, LOSS_MARGIN, LOSS_DLR };

struct loss {
    enum loss_kind kind;
    int target;          /* −1: untargeted */
    double scale;        /* logits are multiplied by it first; 0 is 1 */
};

/* The value at `logits` [n], and its gradient into dlogits [n] unless NULL. DLR falls back
 * to the margin below 3 (targeted: 4) classes, where it is not defined. */
double loss_value(const struct loss *loss, const float *logits, int n, int label,
                  float *dlogits);

/* The `count` wrong classes with the highest logits, best first; returns how many there
 * are (at most n − 1). Ties go to the lower index. */
int loss_top_wrong(const float *logits, int n, int label, int count, int *classes);

/* max_{i≠y} z_i − z_y: positive when the label is not the (first) maximum. */
float loss_margin(const float *logits, int n, int label);
