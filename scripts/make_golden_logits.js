// Logits of the shared networks from ONNX Runtime, for tests/runtime/test_goldens.c.
//
//   npm install --ignore-scripts onnxruntime-node@1.20.1    (in a scratch folder)
//   NODE_PATH=SCRATCH/node_modules node scripts/make_golden_logits.js ../shared/data/models
//
// Writes tests/golden/logits.txt (versions; name, sample, offset, count) and logits.bin
// (little-endian float32). Pictures are made by picture(), which the test repeats.
const fs = require('fs');
const path = require('path');
const ort = require('onnxruntime-node');

const fround = Math.fround;
const torch = {scale: 1 / 255, mean: [.485, .456, .406], std: [.229, .224, .225]};
const cifar = {scale: 1 / 255, mean: [.4914, .4822, .4465], std: [.2471, .2435, .2616]};
const apot = {scale: 1 / 255, mean: [.491, .482, .447], std: [.247, .243, .262]};
const vit = {scale: 1 / 255, mean: [.4914, .4822, .4465], std: [.2023, .1994, .2010]};
const bytes = {scale: 1, mean: [0, 0, 0], std: [1, 1, 1]};
const mobile = {scale: 1, mean: [128, 128, 128], std: [128, 128, 128]};
const caffe = {scale: 1, mean: [123, 117, 104], std: [1, 1, 1], bgr: true};
const networks = {
  cifar10_resnet20_fp32: [32, torch], cifar10_resnet32_fp32: [32, torch],
  cifar10_resnet56_fp32: [32, torch], cifar10_apot_resnet20_w32a32: [32, apot],
  cifar10_apot_resnet20_w2a2: [32, apot], cifar10_resnet8_fp32: [32, bytes],
  cifar10_resnet8_qdq: [32, bytes],
  cifar10_resnet2b_advtrain: [32, cifar], cifar10_resnet4b_advtrain: [32, cifar],
  cifar10_wide_kw: [32, {...torch, std: [.225, .225, .225]}],
  cifar10_marabou_medium: [32, {scale: 1 / 255, mean: [0, 0, 0], std: [1, 1, 1], nhwc: true}],
  cifar10_vit_pgd_2_3_16: [32, vit], cifar10_vit_ibp_3_3_8: [32, vit],
  'mobilenet_v1_0.25_128_fp32': [128, mobile], 'mobilenet_v1_0.5_160_fp32': [160, mobile],
  'mobilenet_v1_0.25_128_qdq': [128, mobile], 'mobilenet_v1_0.5_160_qdq': [160, mobile],
  'mobilenet_v2_1.0_224_fp32': [224, mobile], 'mobilenet_v2_1.0_224_qdq': [224, mobile],
  'squeezenet_v1.1_fp32': [224, caffe], 'squeezenet_v1.1_fp16': [224, caffe],
  'squeezenet_v1.0_dc_codebook': [227, caffe],
};

// A byte per pixel and channel: slopes, a box and a little noise, all in integers.
function picture(side, sample) {
  const u8 = new Uint8Array(3 * side * side);
  let state = 12345 + sample;
  for (let i = 0; i < u8.length; i++) {
    const c = Math.floor(i / (side * side)), y = Math.floor(i / side) % side, x = i % side;
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const slope = Math.floor(((c === 1 ? y : x) * (90 + 60 * c)) / side);
    const box = 4 * x > side && 4 * x < 3 * side && 3 * y > side && 2 * sample < 3 ? 70 - 30 * c : 0;
    u8[i] = Math.min(255, 20 + 25 * sample + slope + box + (state >>> 28));
  }
  return u8;
}

function half(value) {
  const f32 = new Float32Array([value]), bits = new Uint32Array(f32.buffer)[0];
  const sign = bits >>> 16 & 0x8000, a = bits & 0x7fffffff;
  if (a >= 0x47800000) return sign | 0x7c00;
  if (a < 0x38800000) {
    const units = Math.abs(value) * 16777216, low = Math.floor(units), rest = units - low;
    return sign | (low + (rest > .5 || (rest === .5 && low % 2) ? 1 : 0));
  }
  return sign | ((a + 0xfff + (a >>> 13 & 1)) - 0x38000000) >>> 13;
}

function unhalf(bits) {
  const e = bits >>> 10 & 31, m = bits & 1023, sign = bits & 0x8000 ? -1 : 1;
  return sign * (e === 31 ? (m ? NaN : Infinity) : e ? (1 + m / 1024) * 2 ** (e - 15) : m * 2 ** -24);
}

function prepare(u8, side, p) {
  const pixels = side * side, out = new Float32Array(3 * pixels);
  for (let c = 0; c < 3; c++)
    for (let i = 0; i < pixels; i++) {
      const x = fround(u8[c * pixels + i] / 255);
      const scaled = p.scale === 1 ? fround(x * 255) : x;
      const v = fround(fround(scaled - fround(p.mean[c])) / fround(p.std[c]));
      const to = p.bgr ? 2 - c : c;
      out[p.nhwc ? 3 * i + to : to * pixels + i] = v;
    }
  return out;
}

async function main(folder) {
  let offset = 0;
  const chunks = [];
  const lines = [`# onnxruntime-node ${require('onnxruntime-node/package.json').version}, ` +
                 `node ${process.version}, ${process.arch}; all optimizations: integer kernels for QDQ`];
  for (const [name, [side, p]] of Object.entries(networks)) {
    const session = await ort.InferenceSession.create(path.join(folder, name + '.onnx'), {
      graphOptimizationLevel: 'all', intraOpNumThreads: 1,
      executionProviders: ['cpu'],
    });
    for (let sample = 0; sample < (side === 32 ? 3 : 1); sample++) {
      const data = prepare(picture(side, sample), side, p);
      const dims = p.nhwc ? [1, side, side, 3] : [1, 3, side, side];
      const fp16 = name.endsWith('fp16');
      const tensor = fp16 ? new ort.Tensor('float16', Uint16Array.from(data, half), dims)
                          : new ort.Tensor('float32', data, dims);
      const result = await session.run({[session.inputNames[0]]: tensor});
      const raw = result[session.outputNames[0]].data;
      const logits = fp16 ? Float32Array.from(raw, unhalf) : Float32Array.from(raw);
      lines.push(`${name} ${sample} ${offset} ${logits.length}`);
      chunks.push(Buffer.from(logits.buffer));
      offset += logits.length;
    }
  }
  fs.writeFileSync('tests/golden/logits.txt', lines.join('\n') + '\n');
  fs.writeFileSync('tests/golden/logits.bin', Buffer.concat(chunks));
}

main(process.argv[2] || '../shared/data/models');
