#include "models/ops/op.h"

#include "base/text.h"

#include <string.h>

static bool same_domain(const char *a, const char *b)
{
    bool plain_a = !a || !*a || !strcmp(a, "ai.onnx");
    bool plain_b = !b || !*b || !strcmp(b, "ai.onnx");
    return plain_a || plain_b ? plain_a == plain_b : !strcmp(a, b);
}

const struct op *op_find(const char *domain, const char *name, int opset)
{
    for (const struct op *const *op = op_registry; *op; op++)
        if (same_domain((*op)->domain, domain) && !strcmp((*op)->name, name) &&
            opset >= (*op)->since && (!(*op)->until || opset <= (*op)->until))
            return *op;
    return NULL;
}

char *op_supported(void)
{
    struct text text = {0};
    for (const struct op *const *op = op_registry; *op; op++) {
        text_add(&text, text.size ? " " : "");
        if ((*op)->domain)
            text_addf(&text, "%s.", (*op)->domain);
        text_add(&text, (*op)->name);
    }
    return text.data;
}
