/* A session as a victim. */
#include "noises/adversarial/adversarial.h"

#include "models/model.h"

static enum status forward(void *state, const float *x, float *logits)
{
    return session_forward(state, x, logits);
}

static enum status backward(void *state, const float *dlogits, float *dx)
{
    return session_backward(state, dlogits, dx);
}

void victim_of_session(struct session *session, const struct model_record *record,
                       bool gradient, struct victim *out)
{
    *out = (struct victim){.channels = 3, .state = session, .forward = forward};
    out->height = record->preprocess.height;
    out->width = record->preprocess.width;
    out->size = (size_t)3 * (size_t)out->height * (size_t)out->width;
    out->n_classes = record->n_classes;
    if (gradient)
        out->backward = backward;
}
