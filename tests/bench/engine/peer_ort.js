// One network through ONNX Runtime's CPU library on one thread: images per second of CPU time.
//   NODE_PATH=SCRATCH/node_modules node peer_ort.js MODEL.onnx BATCH SECONDS
const ort = require('onnxruntime-node');

function cpu() {
  const u = process.cpuUsage();
  return (u.user + u.system) / 1e6;
}

async function main(model, batch, seconds) {
  const session = await ort.InferenceSession.create(model, {
    graphOptimizationLevel: 'all', intraOpNumThreads: 1, interOpNumThreads: 1,
    executionMode: 'sequential', executionProviders: ['cpu'],
  });
  const side = model.includes('resnet20') || model.includes('cifar') ? 32 : 224;
  const data = new Float32Array(batch * 3 * side * side).map(() => Math.random() * 2 - 1);
  const feeds = {[session.inputNames[0]]: new ort.Tensor('float32', data, [batch, 3, side, side])};
  await session.run(feeds);
  const rates = [];
  for (let r = 0; r < 5; r++) {
    const start = cpu();
    let runs = 0, now;
    do {
      await session.run(feeds);
      runs++;
      now = cpu();
    } while (now - start < seconds / 5);
    rates.push(runs * batch / (now - start));
  }
  rates.sort((a, b) => a - b);
  console.log(JSON.stringify({images_per_s: rates[2],
                              version: require('onnxruntime-node/package.json').version}));
}

main(process.argv[2], Number(process.argv[3]), Number(process.argv[4] || 2));
