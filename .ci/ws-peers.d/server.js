// The package ws as a server that leads with one client. Prints its URL, and at the end how it went.
'use strict';
const assert = require('node:assert');
const { WebSocketServer } = require('ws');
const { exchange, next } = require('./exchange.js');

const server = new WebSocketServer({
    host: '127.0.0.1',
    port: 0,
    perMessageDeflate: false,
    handleProtocols: (names) => (names.has('superchat') ? 'superchat' : false),
});
server.on('listening', () => console.log(`serving ws://127.0.0.1:${server.address().port}/room`));
server.on('connection', async (ws, request) => {
    try {
        assert.strictEqual(request.url, '/room');
        assert.strictEqual(ws.protocol, 'superchat');
        await exchange(ws);
        const closed = next(ws, 'close');
        ws.close(1000, 'that was it');
        assert.strictEqual((await closed)[0], 1000);
        console.log('result: passed');
    } catch (error) {
        console.log(`result: ${error.stack}`);
    }
    server.close();
});
