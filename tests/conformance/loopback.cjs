"use strict";
// Loaded before a program: the service's names lead to this machine, and all other names nowhere.

const dns = require("node:dns");

const SERVICE = /\.(asm\.skype\.com|communication\.azure\.com)$/;

dns.lookup = (name, options, done) => {
  const [chosen, told] = typeof options === "function" ? [{}, options] : [options, done];
  if (!SERVICE.test(name)) {
    const error = new Error(`${name} is not on this machine`);
    process.nextTick(told, Object.assign(error, { code: dns.NOTFOUND }));
  } else if (chosen.all) {
    process.nextTick(told, null, [{ address: "127.0.0.1", family: 4 }]);
  } else {
    process.nextTick(told, null, "127.0.0.1", 4);
  }
};
