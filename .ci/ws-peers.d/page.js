// Serves page.html on loopback, to whoever asks. Prints its URL.
'use strict';
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');

const page = fs.readFileSync(path.join(__dirname, 'page.html'));
const server = http.createServer((request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' });
    response.end(page);
});
server.listen(0, '127.0.0.1', () => console.log(`serving http://127.0.0.1:${server.address().port}/`));
