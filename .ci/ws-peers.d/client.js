// The package ws as a client: `node client.js URL`. Exits with 0 if everything came back and every close was answered.
'use strict';
const assert = require('node:assert');
const WebSocket = require('ws');
const { exchange, next } = require('./exchange.js');

const options = { perMessageDeflate: false };

async function main(url) {
    for (const [code, reason] of [[1000, 'done'], [4001, 'that was it'], [undefined, undefined]]) {
        const ws = new WebSocket(url, options);
        await next(ws, 'open');
        assert.strictEqual(ws.protocol, '');
        await exchange(ws);
        const closed = next(ws, 'close');
        ws.close(code, reason);
        const [answer] = await closed;
        assert.strictEqual(answer, code ?? 1005);
    }
    // An offer of compression may be declined.
    const ws = new WebSocket(url);
    await next(ws, 'open');
    await exchange(ws);
    ws.close();
    await next(ws, 'close');
}

main(process.argv[2]).catch((error) => {
    console.error(error);
    process.exit(1);
});
