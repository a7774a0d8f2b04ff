import { optionalModule, recipeInputs, requiredModule } from '../modules.mjs'

const RECIPE = 'src/agent/generate.mjs'

/** @type {import('../runner.mjs').Step} */
export const proto = {
  name: 'proto',
  summary: 'code for the wire format (buf)',
  needs: ['npm'],
  inputs: async (context) =>
    (await optionalModule(context, RECIPE))
      ? recipeInputs(context, RECIPE)
      : { files: [context.path('guest/protocol')] },
  outputs: (context) => [context.path('src/agent/generated')],
  async run(context, { log }) {
    await (await requiredModule(context, RECIPE))['generate']({ log, signal: context.signal })
  },
}
