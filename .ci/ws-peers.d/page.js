// Serves page.html on loopback, to whoever asks. Prints its URL.
// A browser that prints a page does so once it is loaded: /wait, which the page embeds, is answered when the page has
// asked for /done.
'use strict';
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');

const page = fs.readFileSync(path.join(__dirname, 'page.html'));
let waiting = [];
const server = http.createServer((request, response) => {
    if (request.url === '/wait') {
        waiting.push(response);
        return;
    }
    if (request.url === '/done') {
        waiting.forEach((held) => held.end());
        waiting = [];
    }
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' });
    response.end(page);
});
server.listen(0, '127.0.0.1', () => console.log(`serving http://127.0.0.1:${server.address().port}/`));
