// Starts the UI.
import { toApiError } from '@/api/problem'
import { QueryClient, VueQueryPlugin } from '@tanstack/vue-query'
import { createApp } from 'vue'
import App from './App.vue'
import { newRouter } from './router'
import './styles/main.css'

const MAX_RETRIES = 2

const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 1_000,
      // What the server refuses it refuses again; what did not reach it may reach it next time.
      retry: (failures, error) => {
        const { status } = toApiError(error)
        return failures < MAX_RETRIES && (status === 0 || status >= 500)
      },
      // The server may well be on this machine, whatever the browser thinks of the network.
      networkMode: 'always',
    },
    mutations: { networkMode: 'always' },
  },
})

createApp(App).use(VueQueryPlugin, { queryClient }).use(newRouter()).mount('#app')
