// TypeBox comes in seven hundred files, which Node reads one by one in a fifth of a second. This is the only module that imports its code, and
// the build puts all of it into this one file (decision 13).
export { default as Type } from 'typebox';
export { Compile } from 'typebox/compile';
