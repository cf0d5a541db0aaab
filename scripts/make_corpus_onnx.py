#!/usr/bin/python3
"""Writes tests/corpus/onnx: small sound networks (ok_*) and hostile files (bad_*).

What is wrong with each bad file, and what the reader must say, stands in
tests/graph/test_hostile.c. Needs python3-onnx; made with onnx 1.12.0, numpy 1.24.2.
Usage: make_corpus_onnx.py FOLDER
"""
import pathlib
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

folder = pathlib.Path(sys.argv[1])
rng = numpy.random.default_rng(1)


def weights(name, *shape, scale=0.5):
    return numpy_helper.from_array(
        (rng.standard_normal(shape) * scale).astype(numpy.float32), name)


def ints(name, values):
    return numpy_helper.from_array(numpy.array(values, numpy.int64), name)


def model(nodes, inits=(), shape=("N", 3, 8, 8), opset=13, dtype=TensorProto.FLOAT,
          output="y", domains=(), inputs=None):
    x = helper.make_tensor_value_info("x", dtype, shape)
    y = helper.make_tensor_value_info(output, dtype, None)
    graph = helper.make_graph(nodes, "g", inputs or [x], [y], list(inits))
    return helper.make_model(
        graph, ir_version=7, producer_name="corpus",
        opset_imports=[helper.make_opsetid("", opset)]
        + [helper.make_opsetid(d, 1) for d in domains])


def save(name, proto):
    data = proto if isinstance(proto, bytes) else proto.SerializeToString()
    (folder / f"{name}.onnx").write_bytes(data)


def raw_tensor(name, dims, data, dtype=TensorProto.FLOAT):
    t = TensorProto()
    t.name, t.data_type, t.raw_data = name, dtype, data
    t.dims.extend(dims)
    return t


def external(name, dims, **keys):
    t = TensorProto()
    t.name, t.data_type, t.data_location = name, TensorProto.FLOAT, TensorProto.EXTERNAL
    t.dims.extend(dims)
    for key, value in keys.items():
        entry = t.external_data.add()
        entry.key, entry.value = key, str(value)
    return t


def node(*args, **kwargs):
    return helper.make_node(*args, **kwargs)


def sound():
    save("ok_conv", model(
        [node("Conv", ["x", "w", "b"], ["c"], pads=[1, 1, 0, 1], strides=[2, 2]),
         node("BatchNormalization", ["c", "s", "t", "m", "v"], ["n"], epsilon=1e-5),
         node("Relu", ["n"], ["r"]), node("GlobalAveragePool", ["r"], ["g"]),
         node("Flatten", ["g"], ["f"]), node("Gemm", ["f", "k", "j"], ["y"], transB=1)],
        [weights("w", 4, 3, 3, 3), weights("b", 4), weights("s", 4), weights("t", 4),
         weights("m", 4), numpy_helper.from_array(numpy.ones(4, numpy.float32), "v"),
         weights("k", 5, 4), weights("j", 5)]))
    save("ok_old_opset", model(
        [node("Clip", ["x"], ["c"], min=0.0, max=6.0),
         node("Slice", ["c"], ["s"], axes=[2, 3], starts=[1, 0], ends=[7, 100]),
         node("Pad", ["s"], ["p"], pads=[0, 0, 1, 0, 0, 0, 1, 0], mode="reflect"),
         node("MaxPool", ["p"], ["m"], kernel_shape=[3, 3], strides=[2, 2]),
         node("ReduceSum", ["m"], ["r"], axes=[2, 3], keepdims=1),
         node("Squeeze", ["r"], ["q"], axes=[2, 3]),
         node("Dropout", ["q"], ["d"], ratio=0.5), node("Softmax", ["d"], ["y"])], opset=7))
    inits = [weights("w", 4, 3, 3, 3), weights("b", 4), weights("s", 4), weights("m", 4),
             numpy_helper.from_array(numpy.ones(4, numpy.float32), "v"), weights("k", 5, 144),
             weights("j", 5)]
    save("ok_opset3", model(
        [node("Conv", ["x", "w"], ["c"]),
         node("Add", ["c", "b"], ["a"], axis=1, broadcast=1, consumed_inputs=[0, 0]),
         node("BatchNormalization", ["a", "s", "b", "m", "v"], ["n"], is_test=1,
              consumed_inputs=[0, 0, 0, 1, 1]),
         node("Relu", ["n"], ["r"], consumed_inputs=[0]),
         node("Dropout", ["r"], ["d"], is_test=1, ratio=0.5),
         node("Reshape", ["d"], ["f"], shape=[-1, 144]),
         node("Gemm", ["f", "k", "j"], ["g"], transB=1, broadcast=1),
         node("Softmax", ["g"], ["y"])], inits, opset=3))
    save("ok_opset3_again", model(
        [node("Conv", ["x", "w"], ["c"]), node("Add", ["c", "b1"], ["a"]),
         node("BatchNormalization", ["a", "s", "b", "m", "v"], ["n"]), node("Relu", ["n"], ["r"]),
         node("Reshape", ["r", "to"], ["f"]), node("Gemm", ["f", "k", "j"], ["g"], transB=1),
         node("Softmax", ["g"], ["y"], axis=1)],
        inits + [ints("to", [-1, 144]),
                 numpy_helper.from_array(numpy_helper.to_array(inits[1]).reshape(4, 1, 1), "b1")]))
    save("ok_shapes", model(
        [node("Shape", ["x"], ["s"]), node("Gather", ["s", "zero"], ["n"]),
         node("Unsqueeze", ["n", "axes"], ["u"]),
         node("Concat", ["u", "minus"], ["t"], axis=0), node("Reshape", ["x", "t"], ["r"]),
         node("Transpose", ["r"], ["p"], perm=[1, 0]), node("Cast", ["p"], ["y"], to=1)],
        [ints("zero", 0), ints("axes", [0]), ints("minus", [-1])]))
    save("ok_qdq", model(
        [node("QuantizeLinear", ["x", "s", "z"], ["q"]),
         node("DequantizeLinear", ["q", "s", "z"], ["d"]),
         node("DequantizeLinear", ["w", "ws", "wz"], ["dw"], axis=0),
         node("Conv", ["d", "dw"], ["y"])],
        [numpy_helper.from_array(numpy.float32(0.05), "s"),
         numpy_helper.from_array(numpy.uint8(128), "z"),
         numpy_helper.from_array(rng.integers(-127, 127, (2, 3, 1, 1)).astype(numpy.int8), "w"),
         numpy_helper.from_array(numpy.array([0.01, 0.02], numpy.float32), "ws"),
         numpy_helper.from_array(numpy.zeros(2, numpy.int8), "wz")]))
    save("ok_attention", model(
        [node("Reshape", ["x", "to"], ["t"]), node("Transpose", ["t"], ["k"], perm=[0, 2, 1]),
         node("MatMul", ["t", "k"], ["a"]), node("Softmax", ["a"], ["p"], axis=-1),
         node("MatMul", ["p", "t"], ["o"]), node("ReduceMean", ["o"], ["m"], axes=[1]),
         node("Sub", ["m", "half"], ["y"])],
        [ints("to", [0, 3, 64]), numpy_helper.from_array(numpy.float32(0.5), "half")]))
    save("ok_typed_data", model(
        [node("Add", ["x", "c"], ["a"]), node("Mul", ["a", "h"], ["y"])],
        [helper.make_tensor("c", TensorProto.FLOAT, [3, 1, 1], [1.0, 2.0, 3.0]),
         helper.make_tensor("h", TensorProto.FLOAT, [], [0.5])]))


def broken_values():
    relu = node("Relu", ["x"], ["y"])
    save("bad_cycle", model([node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"]),
                             node("Relu", ["b"], ["y"])]))
    save("bad_duplicate", model([relu, node("Abs", ["x"], ["y"])]))
    save("bad_missing_weight", model([node("Conv", ["x", "w"], ["y"])]))
    save("bad_no_output", model([node("Relu", ["x"], ["z"])]))
    save("bad_operator", model([node("FancyNorm", ["x"], ["y"], name="odd")]))
    save("bad_gaps", model([node("FancyNorm", ["x"], ["a"]), node("Relu", ["a"], ["b"]),
                            node("Conv", ["b", "b"], ["c"], weird=3),
                            node("Conv", ["c"], ["y"], domain="org.example")],
                           domains=["org.example"]))
    save("bad_domain", model([node("Conv", ["x"], ["y"], domain="org.example")],
                             domains=["org.example"]))
    save("bad_opset", model([node("HardSwish", ["x"], ["y"])], opset=9))
    save("bad_attribute_type", model([node("Softmax", ["x"], ["y"], axis=1.5)]))
    save("bad_attribute_name", model([node("Softmax", ["x"], ["y"], temperature=2.0)]))
    save("bad_attribute_missing", model([node("Concat", ["x", "x"], ["y"])]))
    save("bad_arity", model([node("Add", ["x"], ["y"])]))
    save("bad_omitted", model([node("Add", ["x", ""], ["y"])]))
    save("bad_group", model([node("Conv", ["x", "w"], ["y"], group=0)],
                            [weights("w", 3, 3, 1, 1)]))
    save("bad_stride", model([node("Conv", ["x", "w"], ["y"], strides=[0, 1])],
                             [weights("w", 3, 3, 1, 1)]))
    save("bad_window", model([node("MaxPool", ["x"], ["y"], kernel_shape=[9, 9])]))
    save("bad_taps", model([node("MaxPool", ["x"], ["y"], kernel_shape=[60000, 60000],
                                 pads=[60000] * 4)]))
    save("bad_channels", model([node("Conv", ["x", "w"], ["y"])], [weights("w", 2, 4, 1, 1)]))
    save("bad_dtype", model([node("Add", ["x", "i"], ["y"])], [ints("i", [1])]))
    save("bad_reshape", model([node("Reshape", ["x", "t"], ["y"])], [ints("t", [0, 7, -1])]))
    save("bad_perm", model([node("Transpose", ["x"], ["y"], perm=[0, 1, 1, 2])]))
    save("bad_index", model([node("Gather", ["c", "i"], ["g"]), node("Add", ["x", "g"], ["y"])],
                            [weights("c", 4), ints("i", [9])]))
    save("bad_rank", model([relu], shape=["N"] + [1] * 8))
    save("bad_input_dim", model([relu], shape=["N", 3, -7, 8]))
    save("bad_input_huge", model([relu], shape=["N", 3, 1 << 40, 1 << 20]))
    save("bad_batchnorm", model(
        [node("BatchNormalization", ["x", "s", "s", "s", "s"], ["y"])], [weights("s", 2)]))


def broken_tensors():
    add = node("Add", ["x", "c"], ["y"])
    eight = b"\0" * 8
    save("bad_elements", model([add], [raw_tensor("c", [1 << 20, 1 << 20], eight)]))
    save("bad_negative", model([add], [raw_tensor("c", [-2], eight)]))
    save("bad_overflow", model([add], [raw_tensor("c", [1 << 33, 1 << 33, 0], eight)]))
    save("bad_short", model([add], [raw_tensor("c", [3], eight)]))
    save("bad_type", model([add], [raw_tensor("c", [2], eight, TensorProto.COMPLEX64)]))
    save("bad_escape", model([add], [external("c", [2], location="../corpus.bin")]))
    save("bad_absolute", model([add], [external("c", [2], location="/etc/hostname")]))
    save("bad_absent", model([add], [external("c", [2], location="nowhere.bin")]))
    save("bad_offset", model([add], [external("c", [2], location="ok_conv.onnx",
                                              offset=1 << 40, length=8)]))
    save("bad_many", model(
        [add] + [node("Relu", [f"c{i}"], [f"z{i}"]) for i in range(9)],
        [external("c" if not i else f"c{i}", [16], location="bad_many.onnx")
         for i in range(40)]))
    huge = [node("Shape", ["x"], ["s"]), node("Mul", ["s", "k"], ["t"]),
            node("ConstantOfShape", ["t"], ["y"])]
    save("bad_fold", model(huge, [ints("k", [1, 1, 4096, 4096])]))
    save("bad_expand", model([node("Expand", ["c", "t"], ["e"]), node("Add", ["x", "e"], ["y"])],
                             [weights("c", 1, 1, 1, 1), ints("t", [1, 1 << 14, 1 << 12, 8])]))


def broken_bytes():
    save("bad_empty", b"")
    save("bad_text", b"this is not a network\n")
    good = (folder / "ok_conv.onnx").read_bytes()
    save("bad_cut", good[:len(good) // 2])
    # Graphs in attributes of nodes of graphs, 200 deep: protobuf recurses on each.
    nested = b""
    for _ in range(200):
        for tag in (0x32, 0x2a, 0x0a):  # AttributeProto.g, NodeProto.attribute, GraphProto.node
            length, varint = len(nested), b""
            while True:
                varint += bytes([length & 127 | (128 if length > 127 else 0)])
                length >>= 7
                if not length:
                    break
            nested = bytes([tag]) + varint + nested
    length, varint = len(nested), b""
    while True:
        varint += bytes([length & 127 | (128 if length > 127 else 0)])
        length >>= 7
        if not length:
            break
    save("bad_nested", b"\x3a" + varint + nested)


folder.mkdir(parents=True, exist_ok=True)
sound()
broken_values()
broken_tensors()
broken_bytes()
print(f"{len(list(folder.glob('*.onnx')))} files, "
      f"{sum(f.stat().st_size for f in folder.glob('*.onnx'))} bytes")
