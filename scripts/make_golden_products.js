// What ONNX Runtime makes of quantized networks, for tests/compress/test_products.c.
//
//   gauntlet quantize zoo:/mobilenetv2.onnx --method brecq --weights 4 --acts 8 \
//     --calib synthetic:1:6000 --output tests/golden/products/mobilenetv2_w4a8.onnx
//   gauntlet quantize zoo:/resnet8_plain.onnx --method qdrop --weights 2 --acts 4 --int4 \
//     --calib synthetic:1:6000 --output tests/golden/products/resnet8_w2a4.onnx
//   npm install --ignore-scripts onnxruntime-node@1.20.1     (in a scratch folder)
//   build/tests/compress/test_products --pictures > pictures.u8
//   NODE_PATH=SCRATCH/node_modules node scripts/make_golden_products.js pictures.u8
//
// Writes tests/golden/products/golden.txt: versions; then, for each network with ONNX
// Runtime's optimizations (integer kernels) and without (the float arithmetic that a QDQ
// file says literally), the classes of all pictures, and the logits of the first 20.
const fs = require('fs');
const ort = require('onnxruntime-node');

const side = 48, classes = 10, logits = 20;
const networks = {
  'zoo:/resnet8_plain_int8.onnx': 'models/zoo/resnet8_plain_int8.onnx',
  'zoo:/resnet8_adversarial_int8.onnx': 'models/zoo/resnet8_adversarial_int8.onnx',
  'zoo:/mobilenetv2_int8.onnx': 'models/zoo/mobilenetv2_int8.onnx',
  'tests/golden/products/mobilenetv2_w4a8.onnx': 0,
  'tests/golden/products/resnet8_w2a4.onnx': 0,
};

// As the records of all of them say: (u8 / 255 - 0.5) / 0.25, channels first.
function prepare(u8) {
  const pixels = side * side, out = new Float32Array(3 * pixels);
  for (let i = 0; i < pixels; i++)
    for (let c = 0; c < 3; c++)
      out[c * pixels + i] = Math.fround(Math.fround(Math.fround(u8[3 * i + c] / 255) - .5) / .25);
  return out;
}

async function main(file) {
  const bytes = fs.readFileSync(file), size = 3 * side * side;
  const lines = [`# onnxruntime-node ${require('onnxruntime-node/package.json').version}, ` +
                 `node ${process.version}, ${process.arch}`];
  for (const [name, path] of Object.entries(networks))
    for (const level of ['all', 'disabled']) {
      const session = await ort.InferenceSession.create(path || name, {
        graphOptimizationLevel: level, intraOpNumThreads: 1, executionProviders: ['cpu'],
      });
      let top1 = '';
      const rows = [];
      for (let at = 0; at < bytes.length; at += size) {
        const x = new ort.Tensor('float32', prepare(bytes.subarray(at, at + size)), [1, 3, side, side]);
        const z = (await session.run({[session.inputNames[0]]: x}))[session.outputNames[0]].data;
        top1 += z.indexOf(Math.max(...z));
        if (rows.length < logits) rows.push(Array.from(z, v => v.toPrecision(9)).join(' '));
      }
      lines.push(`${name} ${level} ${top1}`, ...rows);
    }
  fs.writeFileSync('tests/golden/products/golden.txt', lines.join('\n') + '\n');
}

main(process.argv[2]).catch(error => { console.error(String(error)); process.exit(1); });
