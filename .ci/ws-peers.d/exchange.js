// What either end does that leads: messages of every kind, each of which must come back as it was, and a Ping.
'use strict';
const assert = require('node:assert');

const LARGE = 3 << 20;

// The next event of that name, or a failure.
function next(ws, name) {
    return new Promise((resolve, reject) => {
        const failed = (error) => reject(error instanceof Error ? error : new Error(`closed with ${error}`));
        ws.once(name, (...values) => {
            ws.off('error', failed);
            if (name !== 'close') ws.off('close', failed);
            resolve(values);
        });
        ws.once('error', failed);
        if (name !== 'close') ws.once('close', failed);
    });
}

async function echoed(ws, data, send) {
    const back = next(ws, 'message');
    send();
    const [got, isBinary] = await back;
    assert.strictEqual(isBinary, typeof data !== 'string');
    assert.ok(Buffer.from(data).equals(got), `${got.length} bytes came back, not ${data.length}`);
}

exports.next = next;
exports.exchange = async (ws) => {
    const large = Buffer.alloc(LARGE);
    for (let i = 0; i < large.length; i += 1) large[i] = i * 31;
    for (const data of ['aé€𝄞', '', Buffer.from([0xff, 0, 7]), Buffer.alloc(0), 'é'.repeat(70000), large]) {
        await echoed(ws, data, () => ws.send(data));
    }
    const pieces = [Buffer.from('aé€').subarray(0, 2), Buffer.alloc(0), Buffer.from('aé€').subarray(2)];
    await echoed(ws, 'aé€', () => {
        ws.send(pieces[0], { fin: false, binary: false });
        ws.ping('between');
        ws.send(pieces[1], { fin: false, binary: false });
        ws.send(pieces[2], { fin: true, binary: false });
    });
    const pong = next(ws, 'pong');
    ws.ping('still there?');
    assert.strictEqual((await pong)[0].toString(), 'still there?');
};
