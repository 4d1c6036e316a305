// The build. Assets are addressed relative to the document's base, so that the UI works under any path.
import tailwindcss from '@tailwindcss/vite'
import vue from '@vitejs/plugin-vue'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { defineConfig, type Plugin } from 'vite'

const server = process.env.ONEOFF_DEV_SERVER ?? 'http://localhost:8080'
// The server refuses writes from other origins; in development the page's origin is Vite's.
const proxied = { target: server, changeOrigin: true, headers: { origin: new URL(server).origin } }

const assets = fileURLToPath(new URL('./dist/assets', import.meta.url))

// The page of the API's document is large and rarely looked at: its files are kept compressed, in the server's binary too.
function compressDocs(): Plugin {
  return {
    name: 'compress-docs',
    apply: 'build',
    closeBundle() {
      for (const name of readdirSync(assets).filter((name) => /^docs-.*\.(js|css)$/.test(name))) {
        const file = `${assets}/${name}`
        writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }))
        rmSync(file)
      }
    },
  }
}

export default defineConfig({
  base: './',
  plugins: [vue(), tailwindcss(), compressDocs()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    outDir: 'dist',
    target: 'es2022',
    // The content security policy allows files of the server only: no data: URLs, no inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Of the docs, almost all is one package.
    chunkSizeWarningLimit: 2_000,
    rolldownOptions: {
      input: {
        index: fileURLToPath(new URL('./index.html', import.meta.url)),
        docs: fileURLToPath(new URL('./docs.html', import.meta.url)),
      },
    },
  },
  server: {
    port: 3000,
    strictPort: true,
    proxy: { '/api': proxied, '/health': proxied },
  },
})
