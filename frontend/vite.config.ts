// The build. Assets are addressed relative to the document's base, so that the UI works under any path.
import tailwindcss from '@tailwindcss/vite'
import vue from '@vitejs/plugin-vue'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const server = process.env.ONEOFF_DEV_SERVER ?? 'http://localhost:8080'
// The server refuses writes from other origins; in development the page's origin is Vite's.
const proxied = { target: server, changeOrigin: true, headers: { origin: new URL(server).origin } }

export default defineConfig({
  base: './',
  plugins: [vue(), tailwindcss()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    outDir: 'dist',
    target: 'es2022',
    // The content security policy allows files of the server only: no data: URLs, no inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    port: 3000,
    strictPort: true,
    proxy: { '/api': proxied, '/health': proxied },
  },
})
