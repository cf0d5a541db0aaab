/*
 * How a tensor lies in memory: oneDNN descriptors, and the few questions that our own
 * kernels ask of them. Row-major without gaps is called plain.
 */
#pragma once

#include "base/tensor.h"

#include <oneapi/dnnl/dnnl.h>

/* oneDNN's type, or dnnl_data_type_undef where it has none (int64, bool, float64). */
dnnl_data_type_t layout_type(enum dtype dtype);

/* Row-major; a scalar becomes one dimension of 1. */
void layout_plain(dnnl_memory_desc_t *md, enum dtype dtype, const struct shape *shape);
/* "Whatever the primitive likes best". */
void layout_any(dnnl_memory_desc_t *md, enum dtype dtype, const struct shape *shape);
/* Channels last: [N][spatial][C]; plain below rank 3. What integers lie like. */
void layout_last(dnnl_memory_desc_t *md, enum dtype dtype, const struct shape *shape);
bool layout_is_plain(const dnnl_memory_desc_t *md);
bool layout_same(const dnnl_memory_desc_t *a, const dnnl_memory_desc_t *b);
size_t layout_bytes(const dnnl_memory_desc_t *md);

/* Where element `index` (row-major, logical) lies, in elements from the start. */
int64_t layout_offset(const dnnl_memory_desc_t *md, const int64_t *index);

/*
 * A tensor [N][C][spatial] whose channels come in blocks: memory is
 * [N][blocks][spatial][block], with block 1 for plain NCHW, 8 or 16 for oneDNN's blocked
 * formats, and blocks * block >= C.
 */
struct channels {
    int64_t N, C, blocks, spatial, block;
};

/* False when the tensor does not lie like that (channels last, gaps, rank < 2). */
bool layout_channels(const dnnl_memory_desc_t *md, struct channels *out);
/* The blocked layout of the same family as `like` for another shape of the same rank. */
bool layout_like(const dnnl_memory_desc_t *like, const struct shape *shape,
                 dnnl_memory_desc_t *out);

/* oneDNN has only its slow, plain code for this. */
bool layout_is_reference(const_dnnl_primitive_desc_t descriptor);

/* The process-wide CPU engine. */
dnnl_engine_t layout_engine(void);
/* "onednn: WHAT: unimplemented", as ERR_UNSUPPORTED, ERR_NOMEM or ERR_FORMAT. */
enum status layout_fail(dnnl_status_t code, const char *what);
