#include "models/onnx/read.h"

enum { DEPTH_MAX = 32 };

struct cursor {
    const uint8_t *start, *at, *end;
};

static enum status cut(const struct cursor *c)
{
    return status_fail(ERR_FORMAT, "not an ONNX file, or cut off: the field at byte %zu "
                       "does not end", (size_t)(c->at - c->start));
}

static enum status read_varint(struct cursor *c, uint64_t *out)
{
    uint64_t value = 0;
    *out = 0;
    for (int shift = 0; shift < 64 && c->at < c->end; shift += 7) {
        uint8_t byte = *c->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *out = value;
            return OK;
        }
    }
    return cut(c);
}

static enum status skip(struct cursor *c, uint64_t count)
{
    if (count > (uint64_t)(c->end - c->at))
        return cut(c);
    c->at += count;
    return OK;
}

static enum status check_message(struct cursor *c, const ProtobufCMessageDescriptor *type,
                                 int depth)
{
    enum status st = OK;
    uint64_t tag = 0, size = 0;
    if (depth > DEPTH_MAX)
        return status_fail(ERR_LIMIT, "messages are nested deeper than %d", DEPTH_MAX);
    while (!st && c->at < c->end) {
        st = read_varint(c, &tag);
        if (st)
            return st;
        if (tag >> 3 == 0 || tag >> 3 > INT32_MAX / 8)
            return status_fail(ERR_FORMAT, "not an ONNX file: field number %llu at byte %zu",
                               (unsigned long long)(tag >> 3), (size_t)(c->at - c->start));
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(type, (unsigned)(tag >> 3));
        switch ((int)(tag & 7)) {
        case PROTOBUF_C_WIRE_TYPE_VARINT: st = read_varint(c, &size); break;
        case PROTOBUF_C_WIRE_TYPE_64BIT: st = skip(c, 8); break;
        case PROTOBUF_C_WIRE_TYPE_32BIT: st = skip(c, 4); break;
        case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED: {
            st = read_varint(c, &size);
            struct cursor inner = *c;
            if (!st)
                st = skip(c, size);
            inner.end = c->at;
            if (!st && field && field->type == PROTOBUF_C_TYPE_MESSAGE)
                st = check_message(&inner, field->descriptor, depth + 1);
            break;
        }
        default:
            st = status_fail(ERR_FORMAT, "not an ONNX file: wire type %d at byte %zu",
                             (int)(tag & 7), (size_t)(c->at - c->start));
        }
    }
    return st;
}

enum status onnx_check(const uint8_t *bytes, size_t size)
{
    struct cursor cursor = {bytes, bytes, bytes + size};
    return check_message(&cursor, &onnx__model_proto__descriptor, 0);
}
