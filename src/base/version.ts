/** The version of this package, as it names itself to fal. A test holds it to package.json. */
export const VERSION = "0.1.0";
